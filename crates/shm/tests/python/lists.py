"""ShareableLists of either side. An item is a word: its type, a colon, its value in a form that loses nothing."""

import struct
from multiprocessing import shared_memory

from peer import forget, hand, hear, raised, tell, written


def word(item):
    if item is None:
        return "n:"
    if isinstance(item, bool):
        return f"b:{int(item)}"
    if isinstance(item, int):
        return f"i:{item}"
    if isinstance(item, float):
        return f"f:{struct.pack('>d', item).hex()}"
    if isinstance(item, str):
        return f"s:{item.encode().hex()}"
    return f"y:{item.hex()}"


def item(word):
    kind, value = word.split(":")
    return {
        "n": lambda: None,
        "b": lambda: value == "1",
        "i": lambda: int(value),
        "f": lambda: struct.unpack(">d", bytes.fromhex(value))[0],
        "s": lambda: bytes.fromhex(value).decode(),
        "y": lambda: bytes.fromhex(value),
    }[kind]()


def opened(name):
    """A list of the other side's, which stays its own."""
    forget(shared_memory.SharedMemory(name))
    found = shared_memory.ShareableList(name=name)
    forget(found.shm)
    return found


def spoil(found):
    """For the negative control: the last byte of the first item's slot."""
    written(found.shm.buf, 8 * (len(found) + 2))


def at(found, index):
    """The item, or the name of what is raised in its place."""
    try:
        return word(found[index])
    except Exception as error:
        return type(error).__name__


def read(name):
    """Tells all of a list of the other side's."""
    found = opened(name)
    tell(len(found), found.format or "none")
    for index in range(len(found)):
        tell(at(found, index))
    tell(found.count(None), at(found, -1) if len(found) else "none")
    found.shm.close()


def made():
    """Makes a list of the items that it hears; the other side reads it."""
    items = [item(word) for word in hear().split()]
    found = shared_memory.ShareableList(items)
    try:
        spoil(found)
        hand(found.shm.name)
        tell(found.format)
        hear()
    finally:
        found.shm.close()
        found.shm.unlink()


def exchange(name):
    """Sets items in the other side's list, and has it set some in one of its own."""
    theirs = opened(name)
    for line in iter(hear, "end"):
        index, value = line.split()
        theirs[int(index)] = item(value)
    spoil(theirs)
    ours = shared_memory.ShareableList([0, 0.0, "twenty-three letters!!", b"", None, True])
    try:
        hand(ours.shm.name)
        hear()
        tell(*(at(ours, index) for index in range(len(ours))))
        tell(ours.format)
    finally:
        ours.shm.close()
        ours.shm.unlink()
        theirs.shm.close()


def losses(name):
    """What becomes of texts in a list of its own, and in one of the other side's."""
    theirs = opened(name)
    tell(*(at(theirs, index) for index in range(len(theirs))))
    ours = shared_memory.ShareableList([item(word) for word in hear().split()])
    try:
        hand(ours.shm.name)
        tell(*(at(ours, index) for index in range(len(ours))))
        hear()
    finally:
        ours.shm.close()
        ours.shm.unlink()
        theirs.shm.close()


def refusals(name):
    """What does not fit into the other side's list, and what is not there; what it refuses is as it was, but for the number."""
    theirs = opened(name)

    def put(index, value):
        def act():
            theirs[index] = value

        return act

    tell(raised(put(1, "nine more")), raised(put(1, "ä" * 8)), raised(put(2, b"x" * 17)))
    tell(raised(put(99, 1)), raised(put(0, 2**63)), raised(lambda: theirs[3]))
    ours = shared_memory.ShareableList(["short", 5])
    try:
        hand(ours.shm.name)
        hear()
        tell(*(at(ours, index) for index in range(2)))
    finally:
        ours.shm.close()
        ours.shm.unlink()
        theirs.shm.close()

"""Names, sizes, errors, and the ends of names."""

import mmap
import os
from multiprocessing import resource_tracker, shared_memory

from peer import LIE, attach, hand, hear, raised, tell, written


def sizes():
    """Opens segments of the other side's and makes some of the same sizes."""
    while (line := hear()) != "end":
        name, size = line.split()
        theirs = attach(name)
        tell(theirs.name, theirs.size, bytes(theirs.buf[-1:]).hex())
        ours = shared_memory.SharedMemory(create=True, size=int(size))
        ours.buf[-1] = 0x5A
        written(ours.buf, ours.size - 1)
        hand(ours.name)
        hear()
        theirs.close()
        ours.close()
        ours.unlink()


def taken(name):
    """Names that the other side has, and that nobody has."""
    make = lambda name, size=10: lambda: shared_memory.SharedMemory(name, create=True, size=size)
    tell(raised(make(name)), raised(lambda: shared_memory.SharedMemory(name + "-missing")))
    ours = shared_memory.SharedMemory(name + "-ours", create=True, size=10)
    try:
        hand(ours.name)
        hear()  # the other side has dropped its own
        tell(raised(lambda: shared_memory.SharedMemory(name)))
    finally:
        ours.close()
        ours.unlink()


def refused():
    """Names that nobody may have, and sizes."""
    make = lambda name, size=10: raised(lambda: shared_memory.SharedMemory(name, create=True, size=size))
    tell(make("a/b"), make("x" * 256), make(".."), make("psm-size", 0), make("psm-size", -1))


def unlinks(name):
    """Takes the other side's name away, as who has made it could."""
    theirs = shared_memory.SharedMemory(name)
    theirs.buf[0] = 77
    written(theirs.buf, 0)
    theirs.unlink()
    theirs.close()
    tell(raised(lambda: shared_memory.SharedMemory(name)))


def succeeds(name):
    """Takes the other side's name away and gives it to a segment of its own."""
    theirs = shared_memory.SharedMemory(name)
    theirs.unlink()
    theirs.close()
    ours = shared_memory.SharedMemory(name, create=True, size=33)
    ours.buf[0] = 9
    hand("succeeded")
    hear()
    tell(shared_memory.SharedMemory(name).size, ours.buf[0])
    ours.close()
    ours.unlink()


def ends():
    """A segment whose maker closes and unlinks it while others have it."""
    ours = shared_memory.SharedMemory(create=True, size=100)
    ours.buf[:3] = b"abc"
    written(ours.buf, 2)
    hand(ours.name)
    hear()
    ours.close()
    ours.unlink()
    tell("unlinked")


def stays():
    """A segment that is there until the other side has swept."""
    ours = shared_memory.SharedMemory(create=True, size=100)
    hand(ours.name)
    hear()
    tell(raised(lambda: shared_memory.SharedMemory(ours.name).close()))
    ours.close()
    if LIE == "names":
        # For good: its tracker is not to end it either.
        resource_tracker.unregister(ours._name, "shared_memory")
    else:
        ours.unlink()


def read_only(name):
    """Looks at the other side's segment without the right to write, and has it look so at one of its own."""
    import numpy

    descriptor = os.open(f"/dev/shm/{name}", os.O_RDONLY)
    mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    array = numpy.frombuffer(mapped, "u4")

    def write():
        array[0] = 1

    tell(array.flags.writeable, raised(write), *array)
    os.close(descriptor)
    ours = shared_memory.SharedMemory(create=True, size=16)
    table = numpy.ndarray(4, "u4", buffer=ours.buf)
    table[...] = [1, 2, 3, 4]
    hand(ours.name)
    hear()
    table[3] = 40
    written(ours.buf, 12)
    hand("written")
    hear()
    tell(*table)
    del table, array
    mapped.close()
    ours.close()
    ours.unlink()

"""The CPython side of the checks in main.rs: one act a process, named by the first argument.

An act talks with the Rust side by lines: `hand` gives what the other needs to go on, `tell` gives what is judged, `hear` takes a line.
As a negative control the environment has it lie, in one of four ways: the judge must find out.
"""

import contextlib
import os
import signal
import sys
from multiprocessing import resource_tracker, shared_memory

LIE = os.environ.get("PEER_LIES")

# Longer than any act takes, shorter than the Rust side's own patience.
SECONDS = 50


def hand(*words):
    """Gives what the other side needs: names, offsets, numbers of processes."""
    print(*words, flush=True)


def tell(*words):
    """Gives what the other side judges."""
    line = " ".join(str(word) for word in words)
    if LIE == "words":
        line = line[:-1] + chr(ord(line[-1]) ^ 1)
    print(line, flush=True)


def hear():
    """The next line from the other side; its end ends this one."""
    line = sys.stdin.readline()
    if not line:
        sys.exit("the other side has gone")
    return line.rstrip("\n")


def written(buffer, at):
    """Called once an act has written its bytes, with the place of one of them that is judged."""
    if LIE == "bytes":
        view = memoryview(buffer).cast("B")
        view[at] ^= 1
        view.release()


def forget(memory):
    """Has the resource tracker of this process tree forget the name: the way that works in all versions."""
    if LIE != "tracker":
        resource_tracker.unregister(memory._name, "shared_memory")


def attach(name):
    """Opens a segment of the other side's, which stays its own."""
    memory = shared_memory.SharedMemory(name)
    forget(memory)
    return memory


def raised(act):
    """The name of the exception that the act raises, or `nothing`."""
    try:
        act()
    except Exception as error:
        return type(error).__name__
    return "nothing"


@contextlib.contextmanager
def released(memory):
    """Closes the segment even if an array still looks at it: the process ends."""
    try:
        yield memory
    finally:
        with contextlib.suppress(BufferError):
            memory.close()


def main():
    signal.alarm(SECONDS)
    import arrays
    import descriptors
    import lists
    import names
    import tracker

    module, act = sys.argv[1].split(".")
    modules = {"arrays": arrays, "descriptors": descriptors, "lists": lists, "names": names, "tracker": tracker}
    getattr(modules[module], act)(*sys.argv[2:])
    sys.stdout.flush()
    # Arrays that still look at a closed segment would make noise at the end; the tracker works as ever.
    sys.stderr.flush()


if __name__ == "__main__":
    # The acts import this module by its name: they must find this very one, with its state.
    sys.modules["peer"] = sys.modules["__main__"]
    main()

"""What the resource tracker of CPython does to names of the other side's. It is a process beside this one, which unlinks what is
registered with it once all of its tree have ended."""

import mmap
import os
from multiprocessing import resource_tracker, shared_memory

from peer import LIE, forget, hand, hear, tell


def watched():
    """Starts the tracker, which the first name would, and shows its number."""
    resource_tracker.ensure_running()
    hand(resource_tracker._resource_tracker._pid)


def usual(name):
    """Opens the segment as everybody does; unless it lies, and has not."""
    watched()
    memory = shared_memory.SharedMemory(name)
    memory.buf[1] = 2
    if LIE == "tracker":
        resource_tracker.unregister(memory._name, "shared_memory")
    hear()
    tell(bytes(memory.buf[:2]).hex())
    memory.close()


def asleep(name):
    """As `usual`, for one who is killed."""
    watched()
    memory = shared_memory.SharedMemory(name)
    if LIE == "tracker":
        resource_tracker.unregister(memory._name, "shared_memory")
    hand("open")
    hear()
    hear()


def untracked(name):
    """By the argument that CPython has since 3.13."""
    watched()
    try:
        memory = shared_memory.SharedMemory(name, track=LIE == "tracker")
    except TypeError:
        if LIE == "tracker":
            shared_memory.SharedMemory(name)
        tell("TypeError")
        return
    tell("open")
    memory.buf[1] = 2
    memory.close()


def unregistered(name):
    """By the tracker's own call."""
    watched()
    memory = shared_memory.SharedMemory(name)
    forget(memory)
    tell("open")
    memory.buf[1] = 2
    memory.close()


def inherited(name, descriptor, size):
    """By a descriptor that this process was started with."""
    watched()
    if LIE == "tracker":
        shared_memory.SharedMemory(name)
    copy = os.dup(int(descriptor))
    mapped = mmap.mmap(copy, int(size))
    tell("open")
    mapped[1] = 2
    mapped.close()
    os.close(copy)

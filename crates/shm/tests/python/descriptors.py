"""Segments without names, by their descriptors."""

import fcntl
import mmap
import os
from multiprocessing import connection, reduction

from peer import hand, hear, raised, tell, written


def described(descriptor, size):
    """Turns around what it finds behind the descriptor."""
    import numpy

    mapped = mmap.mmap(descriptor, size)
    array = numpy.frombuffer(mapped, "u4")
    tell(os.fstat(descriptor).st_size, *array)
    tell(raised(lambda: os.ftruncate(descriptor, 1)), raised(lambda: os.ftruncate(descriptor, 2 * size)))
    array[...] = array[::-1].copy()
    written(mapped, 0)
    hand("turned")
    hear()
    tell(*array)
    del array
    mapped.close()


def inherited(descriptor, size):
    described(os.dup(int(descriptor)), int(size))


def received(descriptor, size):
    """As `multiprocessing.reduction` receives it, over a connection of CPython's."""
    ours = connection.Connection(int(descriptor))
    described(reduction.recv_handle(ours), int(size))
    ours.close()


def sent(descriptor):
    """Makes files in memory and sends their descriptors: one whose length is sealed, one that can be cut."""
    ours = connection.Connection(int(descriptor))
    for seals in (fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL, 0):
        made = os.memfd_create("peer", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(made, 100)
        mapped = mmap.mmap(made, 100)
        mapped[:5] = b"numpy"
        written(mapped, 4)
        fcntl.fcntl(made, fcntl.F_ADD_SEALS, seals)
        reduction.send_handle(ours, made, os.getppid())
        hear()
        tell(mapped[:6].hex())
        mapped.close()
        os.close(made)
    ours.close()

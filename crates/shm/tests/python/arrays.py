"""Arrays of NumPy over segments of either side."""

import select
import sys

from multiprocessing import shared_memory
from peer import LIE, attach, hand, hear, released, tell, written


def shape_of(text):
    return tuple(int(number) for number in text.split(",") if number)


def shown(array):
    """The elements in the order of their indices, in the machine's order of bytes."""
    array = array.astype(array.dtype.newbyteorder("="), order="C")
    return array.tobytes().hex() or "none"


def over(name):
    """Reads arrays in the other side's segment, and turns each around in place."""
    import numpy

    with released(attach(name)) as memory:
        while (line := hear()) != "end":
            dtype, offset, shape = line.split()
            offset = int(offset)
            array = numpy.ndarray(shape_of(shape), dtype, buffer=memory.buf, offset=offset)
            tell(array.dtype.str[1:], array.size, shown(array))
            array[...] = array[::-1, ::-1, ::-1].copy()
            written(memory.buf, offset + array.nbytes - array.itemsize)
            hand("turned")
            del array


def filled():
    """Fills a segment of its own with arrays of formulas, then tells what the other side has made of one."""
    import numpy

    memory = shared_memory.SharedMemory(create=True, size=4096)
    try:
        with released(memory):
            table = numpy.ndarray((3, 4), "f8", buffer=memory.buf, offset=0)
            table[...] = numpy.arange(12).reshape(3, 4) * 0.5 - 1.25
            signs = numpy.ndarray(6, "i2", buffer=memory.buf, offset=128)
            signs[...] = [0, 1, -1, 2, -32768, 32767]
            waves = numpy.ndarray((2, 2), "c16", buffer=memory.buf, offset=256)
            waves[...] = [[1 + 2j, 3 - 4j], [complex(-0.0, 0.5), 7]]
            flags = numpy.ndarray(5, "?", buffer=memory.buf, offset=512)
            flags[...] = [True, False, False, True, True]
            halves = numpy.ndarray(4, "f2", buffer=memory.buf, offset=640)
            halves[...] = [1.0, -2.0, 65504.0, 0.333251953125]
            dates = numpy.ndarray(2, "M8[s]", buffer=memory.buf, offset=768)
            dates[...] = ["1970-01-02", "2038-01-19T03:14:08"]
            for at in (0, 128, 256, 512, 640, 768):
                written(memory.buf, at)
            hand(memory.name)
            hear()
            tell(table[1, 2].tobytes().hex(), signs[4], bool(flags[1]), halves[0].tobytes().hex())
            del table, signs, waves, flags, halves, dates
    finally:
        memory.unlink()


def place(array, memory):
    """Where the array lies: offset, shape and strides, as NumPy says."""
    import numpy

    base = numpy.frombuffer(memory.buf, "u1").__array_interface__["data"][0]
    offset = array.__array_interface__["data"][0] - base
    return (offset, ",".join(map(str, array.shape)) or "-", ",".join(map(str, array.strides)) or "-")


def strided():
    """Shows parts of an array by their strides; then the whole, which the other side has written to by them."""
    import numpy

    memory = shared_memory.SharedMemory(create=True, size=200)
    try:
        with released(memory):
            table = numpy.ndarray((4, 6), "i4", buffer=memory.buf, offset=16)
            table[...] = numpy.arange(4)[:, None] * 100 + numpy.arange(6)
            columns = numpy.ndarray((4, 6), "i4", buffer=memory.buf, offset=16, order="F")
            parts = [
                table,
                table.T,
                table[::-1, ::2],
                table[1:3, 5:0:-2],
                numpy.broadcast_to(table[2], (3, 6)),
                table[3, 4, ...],
                columns,
                columns[::3, ::-1],
                table[:, :, None][:, ::5],
            ]
            hand(memory.name, len(parts))
            for part in parts:
                hand(*place(part, memory))
                tell(shown(part))
            hear()
            tell(shown(table))
            del table, columns, parts, part
    finally:
        memory.unlink()


PACKED = [("flag", "u1"), ("number", "f8"), ("count", "u2")]


def fields():
    """Records without padding: numbers at odd places."""
    import numpy

    memory = shared_memory.SharedMemory(create=True, size=60)
    try:
        with released(memory):
            records = numpy.ndarray(5, PACKED, buffer=memory.buf, offset=3)
            records["flag"] = [1, 2, 3, 4, 5]
            records["number"] = [0.5, -1.5, 2.5, -3.5, 4.5]
            records["count"] = [10, 20, 30, 40, 65535]
            written(memory.buf, 3 + 11 * 4 + 1)
            hand(memory.name, records.dtype.itemsize, records.dtype.fields["number"][1], records.dtype.fields["count"][1])
            hear()
            tell(shown(numpy.ascontiguousarray(records["number"])), *records["flag"], *records["count"])
            del records
    finally:
        memory.unlink()


def foreign_order():
    """Numbers in the order of bytes that the machine does not have."""
    import numpy

    memory = shared_memory.SharedMemory(create=True, size=96)
    try:
        with released(memory):
            ints = numpy.ndarray(4, ">i4", buffer=memory.buf, offset=0)
            ints[...] = [1, -2, 2**31 - 1, -(2**31)]
            floats = numpy.ndarray(3, ">f8", buffer=memory.buf, offset=32)
            floats[...] = [1.5, -0.0, 1e300]
            written(memory.buf, 3)
            hand(memory.name)
            hear()
            tell(*ints, *(float(number).hex() for number in floats))
            del ints, floats
    finally:
        memory.unlink()


def odd_shapes():
    """No dimension, none in a dimension, and as many as the other side takes."""
    import numpy

    memory = shared_memory.SharedMemory(create=True, size=64)
    try:
        with released(memory):
            single = numpy.ndarray((), "i8", buffer=memory.buf, offset=8)
            single[...] = -5
            empty = numpy.ndarray((3, 0, 2), "i8", buffer=memory.buf, offset=64)
            deep = numpy.ndarray((1,) * 31 + (2,), "u2", buffer=memory.buf, offset=24)
            deep[...] = [7, 9]
            written(memory.buf, 24)
            hand(memory.name)
            for array in (single, empty, deep):
                hand(*place(array, memory)[1:])
                tell(array.size, shown(array))
            hear()
            del single, empty, deep, array
    finally:
        memory.unlink()


def busy(name):
    """Stores numbers whose eight bytes are equal, one after the other, until it is told to end."""
    import numpy

    numbers = numpy.arange(256, dtype="u8") * 0x0101010101010101
    if LIE == "bytes":
        numbers[3::4] ^= 1
    with released(attach(name)) as memory:
        place = numpy.ndarray(2, "u8", buffer=memory.buf, offset=0)
        hand("begun")
        rounds = 0
        while not select.select([sys.stdin], [], [], 0)[0]:
            for number in numbers:
                place[1] = number
            rounds += 1
        hear()
        hand(rounds)
        del place

"""Pools and processes of CPython's multiprocessing."""

import ctypes
import multiprocessing
import operator
import signal
import sys
import time


def increment(n):
    return n + 1


def pool_of(workers):
    return multiprocessing.get_context("fork").Pool(workers, die_with_parent)


def apply(size, workers):
    pool = pool_of(workers)

    def batch():
        for n in range(size):
            agree(pool.apply(increment, (n,)), n + 1)

    return repeated(batch, size)


def apply_async(size, workers):
    pool = pool_of(workers)

    def batch():
        results = [pool.apply_async(increment, (n,)) for n in range(size)]
        for n, result in enumerate(results):
            agree(result.get(), n + 1)

    return repeated(batch, size)


def map_with(chunksize):
    def start(size, workers):
        pool = pool_of(workers)
        numbers = list(range(size))
        wanted = [n + 1 for n in numbers]

        def batch():
            if pool.map(increment, numbers, chunksize) != wanted:
                raise ValueError("a map gave wrong results")

        return repeated(batch, size)

    return start


def process(method):
    # A child made by spawn has nothing of this script: its task must lie in a module.
    context = multiprocessing.get_context(method)

    def start(size):
        def batch():
            for _ in range(size):
                child = context.Process(target=operator.index, args=(41,))
                child.start()
                child.join()
                agree(child.exitcode, 0)

        return repeated(batch, size)

    return start


PLAYS = {
    "apply": apply,
    "apply_async": apply_async,
    "map": map_with(None),
    "map_chunksize_1": map_with(1),
    "process_fork": process("fork"),
    "process_spawn": process("spawn"),
}

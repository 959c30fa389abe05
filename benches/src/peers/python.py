"""One contender on CPython's multiprocessing: a round for every line it gets, answered with a sample.

Arguments: which batch, workers, operations in a batch, nanoseconds in a round.
"""

import ctypes
import multiprocessing
import operator
import signal
import sys
import time


def increment(n):
    return n + 1


def die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def pool_of(workers):
    return multiprocessing.get_context("fork").Pool(workers, die_with_parent)


def agree(got, wanted):
    if got != wanted:
        raise ValueError(f"it answered {got!r} where {wanted!r} is right")


def apply(workers, size):
    pool = pool_of(workers)

    def batch():
        for n in range(size):
            agree(pool.apply(increment, (n,)), n + 1)

    return batch


def apply_async(workers, size):
    pool = pool_of(workers)

    def batch():
        results = [pool.apply_async(increment, (n,)) for n in range(size)]
        for n, result in enumerate(results):
            agree(result.get(), n + 1)

    return batch


def map_with(chunksize):
    def start(workers, size):
        pool = pool_of(workers)
        numbers = list(range(size))
        wanted = [n + 1 for n in numbers]

        def batch():
            if pool.map(increment, numbers, chunksize) != wanted:
                raise ValueError("a map gave wrong results")

        return batch

    return start


def process(method):
    # A child made by spawn has nothing of this script: its task must lie in a module.
    context = multiprocessing.get_context(method)

    def start(_workers, size):
        def batch():
            for _ in range(size):
                child = context.Process(target=operator.index, args=(41,))
                child.start()
                child.join()
                agree(child.exitcode, 0)

        return batch

    return start


BATCHES = {
    "apply": apply,
    "apply_async": apply_async,
    "map": map_with(None),
    "map_chunksize_1": map_with(1),
    "process_fork": process("fork"),
    "process_spawn": process("spawn"),
}


def serve(batch, size, length):
    batch()
    print("@ready", flush=True)
    for line in sys.stdin:
        operations, elapsed, begin = 0, 0, time.perf_counter_ns()
        while elapsed < length:
            batch()
            operations += size
            elapsed = time.perf_counter_ns() - begin
        print("@sample", operations, elapsed, flush=True)


def main():
    name, workers, size, length = sys.argv[1], *map(int, sys.argv[2:])
    try:
        serve(BATCHES[name](workers, size), size, length)
    except Exception as error:
        print("@failed", str(error).replace("\n", " "), flush=True)
        sys.exit(1)


main()

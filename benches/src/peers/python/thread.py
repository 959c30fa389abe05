"""Queues between threads of CPython, and its threads."""

import os
import queue
import sys
import threading
import time


def carry(kind):
    """So many threads put numbers into a queue, and as many get them out, this one among them."""

    def start(messages, threads, bound, far=None):
        numbers = kind(bound)
        each = messages // threads
        begins = [threading.Semaphore(0) for _ in range(2 * threads - 1)]
        sums, summed = [], threading.Semaphore(0)

        def get_some():
            return sum(numbers.get() for _ in range(each))

        def putter(begin):
            if far is not None:
                os.sched_setaffinity(0, {far})
            while True:
                begin.acquire()
                for number in range(each):
                    numbers.put(number)

        def getter(begin):
            while True:
                begin.acquire()
                sums.append(get_some())
                summed.release()

        for at, begin in enumerate(begins):
            side = putter if at < threads else getter
            threading.Thread(target=side, args=(begin,), daemon=True).start()

        def batch():
            sums.clear()
            for begin in begins:
                begin.release()
            got = get_some()
            for _ in range(threads - 1):
                summed.acquire()
            agree(got + sum(sums), threads * (each * (each - 1) // 2))

        return repeated(batch, each * threads)

    return start


def spawn(size):
    def batch():
        for n in range(size):
            answers = []
            thread = threading.Thread(target=lambda n=n: answers.append(n + 1))
            thread.start()
            thread.join()
            agree(answers, [n + 1])

    return repeated(batch, size)


PLAYS = {
    "queue": carry(queue.Queue),
    "simple_queue": carry(lambda _bound: queue.SimpleQueue()),
    "spawn": spawn,
}

"""Locks of CPython: threading's between threads, multiprocessing's between processes."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
import types

# Operations in a batch where nobody else is there, and where the other side is.
CALLS = 1024
TURNS = 16

FORK = multiprocessing.get_context("fork")


class Threads:
    """What lies between threads."""

    locks = threading

    @staticmethod
    def number():
        return types.SimpleNamespace(value=0)

    @staticmethod
    def start(side, far):
        def run():
            if far is not None:
                os.sched_setaffinity(0, {far})
            side()

        threading.Thread(target=run, daemon=True).start()


class Processes:
    """What lies between processes."""

    locks = FORK

    @staticmethod
    def number():
        return FORK.RawValue(ctypes.c_uint64)

    @staticmethod
    def start(side, _far):
        # The process is put on its processor by the one that runs the benches.
        def run():
            die_with_parent()
            side()

        FORK.Process(target=run, daemon=True).start()


def mutex_alone(kind):
    lock, number, added = kind.locks.Lock(), kind.number(), 0

    def batch():
        nonlocal added
        for _ in range(CALLS):
            with lock:
                number.value += 1
        added += CALLS
        agree(number.value, added)

    return repeated(batch, CALLS)


def mutex_at_once(kind, far):
    """Both sides want the lock until the time has passed; what both get done counts."""
    lock, number, theirs = kind.locks.Lock(), kind.number(), kind.number()
    running, begins, ready, ended = kind.number(), *(kind.locks.Semaphore(0) for _ in range(3))
    added = 0

    def some():
        for _ in range(TURNS):
            with lock:
                number.value += 1

    def side():
        while True:
            begins.acquire()
            ready.release()
            done = 0
            while running.value:
                some()
                done += TURNS
            theirs.value = done
            ended.release()

    def play(length):
        nonlocal added
        running.value = 1
        begins.release()
        ready.acquire()
        operations, elapsed = repeated(some, TURNS)(length)
        running.value = 0
        ended.acquire()
        operations += theirs.value
        added += operations
        agree(number.value, added)
        return operations, elapsed

    kind.start(side, far)
    return play


def semaphore_alone(kind):
    semaphore = kind.locks.Semaphore(1)

    def batch():
        for _ in range(CALLS):
            semaphore.acquire()
            semaphore.release()

    return repeated(batch, CALLS)


def semaphore_refused(kind):
    semaphore = kind.locks.Semaphore(0)

    def batch():
        got = 0
        for _ in range(CALLS):
            if semaphore.acquire(False):
                got += 1
        agree(got, 0)

    return repeated(batch, CALLS)


def event_look(kind):
    event = kind.locks.Event()
    event.set()

    def batch():
        seen = 0
        for _ in range(CALLS):
            if event.is_set():
                seen += 1
        agree(seen, CALLS)

    return repeated(batch, CALLS)


def event_alone(kind):
    event = kind.locks.Event()

    def batch():
        for _ in range(CALLS):
            event.set()
            event.wait()
            event.clear()

    return repeated(batch, CALLS)


def condvar_notify(kind):
    changed = kind.locks.Condition()

    def batch():
        for _ in range(CALLS):
            with changed:
                changed.notify()

    return repeated(batch, CALLS)


def barrier_alone(kind):
    barrier = kind.locks.Barrier(1)

    def batch():
        for _ in range(CALLS):
            barrier.wait()

    return repeated(batch, CALLS)


def hand_off(kind, far, near, other, apart):
    """The turn goes to the other side and comes back; the counts of both may lie so far apart."""
    had, given = kind.number(), 0

    def count():
        had.value += 1

    def side():
        while True:
            other(count)

    def batch():
        nonlocal given
        for _ in range(TURNS):
            near()
        given += TURNS
        if abs(had.value - given) > apart:
            agree(had.value, given)

    kind.start(side, far)
    return repeated(batch, TURNS)


def semaphore_turns(kind, far):
    there, back = kind.locks.Semaphore(0), kind.locks.Semaphore(0)

    def near():
        there.release()
        back.acquire()

    def other(count):
        there.acquire()
        count()
        back.release()

    return hand_off(kind, far, near, other, apart=0)


def event_turns(kind, far):
    there, back = kind.locks.Event(), kind.locks.Event()

    def near():
        there.set()
        back.wait()
        back.clear()

    def other(count):
        there.wait()
        there.clear()
        count()
        back.set()

    return hand_off(kind, far, near, other, apart=0)


def condvar_turns(kind, far):
    changed, number = kind.locks.Condition(), kind.number()

    def take(side):
        with changed:
            while number.value % 2 != side:
                changed.wait()
            number.value += 1
            changed.notify()

    def near():
        take(0)

    def other(count):
        count()
        take(1)

    return hand_off(kind, far, near, other, apart=1)


def barrier_turns(kind, far):
    barrier = kind.locks.Barrier(2)

    def other(count):
        count()
        barrier.wait()

    return hand_off(kind, far, barrier.wait, other, apart=1)


KINDS = {"threading": Threads, "multiprocessing": Processes}

ALONE = [
    mutex_alone,
    condvar_notify,
    semaphore_alone,
    semaphore_refused,
    event_look,
    event_alone,
    barrier_alone,
]
BESIDE = [mutex_at_once, condvar_turns, semaphore_turns, event_turns, barrier_turns]


def of(kind, play):
    if play in ALONE:
        return lambda _far=None: play(kind)
    return lambda far=None: play(kind, far)


PLAYS = {
    f"{name}.{play.__name__}": of(kind, play) for name, kind in KINDS.items() for play in ALONE + BESIDE
}

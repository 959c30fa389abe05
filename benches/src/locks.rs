//! What the benches do with a lock, whoever brings it: alone, against a thread, against a process, step by step.

use std::hint::black_box;
use std::thread;

use crate::Result;
use crate::groups::agree;
use crate::neighbour::Alone;
use crate::pair::Pair;
use crate::session::{Setting, Start};
use crate::steps::Stepped;

/// A number under a lock.
pub(crate) trait Lock: Sync + 'static {
    /// Locks, adds one to the number, unlocks.
    fn add_one(&self);

    /// The number, read under the lock.
    fn number(&self) -> u64;

    /// Whether the number is what it is to be after so many operations.
    fn agrees(&self, added: u64) -> Result<()> {
        agree(self.number(), added)
    }
}

/// A number under a lock that lets many read it at a time.
pub(crate) trait ReadLock: Lock {
    /// Locks to read, reads the number, unlocks.
    fn read_one(&self) -> u64;
}

/// A lock that its owner may lock again.
pub(crate) trait Reentrant: Lock {
    /// Runs `section` with the lock.
    fn holding(&self, section: impl FnOnce());
}

/// Operations between two looks at the clock, where nobody else wants the lock.
const CALLS: u64 = 4096;

/// Adds one so many times. Timed and stepped alike: one function for each lock, whose address it cannot know.
#[inline(never)]
pub(crate) fn add(lock: &impl Lock, times: u64) {
    for _ in 0..times {
        black_box(lock).add_one();
    }
}

/// Gives this process a second thread, which sleeps: libc spares a process of one thread its atomic operations, and a
/// program that needs locks has more.
pub(crate) fn have_two_threads() {
    thread::spawn(|| {
        loop {
            thread::park();
        }
    });
}

/// Nobody else wants the lock.
pub(crate) fn uncontended<L: Lock>(_: &Setting, lock: Result<&'static L>) -> Result<Start> {
    let lock = lock?;
    have_two_threads();
    let mut added = 0;
    Start::here(Alone::new(move || {
        add(lock, CALLS);
        added += CALLS;
        lock.agrees(added)?;
        Ok(CALLS)
    }))
}

/// By a thread that has the lock.
pub(crate) fn again<L: Reentrant>(_: &Setting, lock: Result<&'static L>) -> Result<Start> {
    let lock = lock?;
    have_two_threads();
    let mut added = 0;
    Start::here(Alone::new(move || {
        lock.holding(|| add(lock, CALLS));
        added += CALLS;
        agree(lock.number(), added)?;
        Ok(CALLS)
    }))
}

/// As [`uncontended`], counted in instructions.
pub(crate) fn stepped<L: Lock>(_: &Setting, lock: Result<&'static L>) -> Result<Start> {
    Start::here(Stepped::new(lock?)?)
}

/// This thread and another one.
pub(crate) fn two_threads<L: Lock>(setting: &Setting, lock: Result<&'static L>) -> Result<Start> {
    Start::here(Pair::of_threads(lock?, setting)?)
}

/// This process and another one, with two threads each.
pub(crate) fn two_processes<L: Lock>(_: &Setting, lock: Result<&'static L>) -> Result<Start> {
    Start::here(Pair::of_processes(lock?)?)
}

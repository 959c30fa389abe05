//! The lock of one process's threads: three states, as in Ulrich Drepper's "Futexes Are Tricky" and in the standard library.
//!
//! ```text
//! FREE ──lock──► HELD ──somebody sleeps──► SLEPT_ON
//!   ▲             │                           │
//!   └───unlock────┘◄──unlock, wakes one───────┘
//! ```

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::patience::Patience;
use super::spin::{self, Spin};
use crate::WaitError;
use crate::futex::Scope;
use crate::planted::{Bug, planted};
use crate::robust_word::RobustWord;

pub(crate) const FREE: u32 = 0;
const HELD: u32 = 1;
const SLEPT_ON: u32 = 2;

/// Takes the lock.
#[inline(always)]
pub(crate) fn lock(lock: &RobustWord, patience: Patience<'_>) -> Result<(), WaitError> {
    // Acquire: with the Release of `unlock`.
    match lock.word.compare_exchange(FREE, HELD, Acquire, Relaxed) {
        Ok(_) => Ok(()),
        Err(_) => contended(lock, patience),
    }
}

#[cold]
#[inline(never)]
fn contended(lock: &RobustWord, patience: Patience<'_>) -> Result<(), WaitError> {
    let deadline = patience.sleep()?;
    let mut spin = Spin::new(spin::PRIVATE);
    while lock.word.load(Relaxed) == HELD && spin.once() {}
    if lock.word.compare_exchange(FREE, HELD, Acquire, Relaxed).is_ok() {
        return Ok(());
    }
    // Who has slept cannot know whether others sleep still, and takes the lock as one that is slept on.
    let mut taken_as = SLEPT_ON;
    loop {
        // Acquire: with the Release of `unlock`.
        let before = lock.word.swap(taken_as, Acquire);
        if before == FREE {
            return Ok(());
        }
        if planted(Bug::PrivateSleepForgotten) {
            let _ = lock.word.compare_exchange(HELD, SLEPT_ON, Relaxed, Relaxed);
            taken_as = HELD;
        }
        lock.word.wait(SLEPT_ON, Scope::Private, deadline)?;
    }
}

/// Releases the lock.
#[inline(always)]
pub(crate) fn unlock(lock: &RobustWord) {
    let order = if planted(Bug::RelaxedUnlock) { Relaxed } else { Release };
    if lock.word.swap(FREE, order) == SLEPT_ON {
        wake(lock);
    }
}

#[cold]
#[inline(never)]
fn wake(lock: &RobustWord) {
    lock.word.wake(1, Scope::Private);
}

//! The lock of one process's threads: three states, as in Ulrich Drepper's "Futexes Are Tricky" and in the standard library.
//!
//! ```text
//! FREE ──lock──► HELD ──somebody sleeps──► SLEPT_ON
//!   ▲             │                           │
//!   └───unlock────┘◄──unlock, wakes one───────┘
//! ```

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use super::patience::Request;
use super::robust::Refusal;
use super::spin::{self, Spin};
use crate::futex::Scope;
use crate::planted::{Bug, planted};
use crate::robust_word::RobustWord;
use crate::watch::{self, Access, Waiting};

pub(crate) const FREE: u32 = 0;
const HELD: u32 = 1;
const SLEPT_ON: u32 = 2;

/// Takes the lock.
#[inline(always)]
pub(crate) fn lock(lock: &RobustWord, request: Request<'_>) -> Result<(), Refusal> {
    // Acquire: with the Release of `unlock`.
    if lock.word.compare_exchange(FREE, HELD, Acquire, Relaxed).is_err() {
        contended(lock, request)?;
    }
    watch::taken(lock, request.site);
    Ok(())
}

#[cold]
#[inline(never)]
fn contended(lock: &RobustWord, request: Request<'_>) -> Result<(), Refusal> {
    watch::waits(lock);
    let deadline = request.patience.sleep()?;
    let mut spin = Spin::new(spin::PRIVATE);
    while lock.word.load(Relaxed) == HELD && spin.once() {}
    if lock.word.compare_exchange(FREE, HELD, Acquire, Relaxed).is_ok() {
        return Ok(());
    }
    // Who has slept cannot know whether others sleep still, and takes the lock as one that is slept on.
    let mut taken_as = SLEPT_ON;
    let mut waiting = Waiting::begin(lock, Access::Exclusive, request);
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
        waiting.sleep(deadline, |until| lock.word.wait(SLEPT_ON, Scope::Private, until))?;
    }
}

/// Releases the lock.
#[inline(always)]
pub(crate) fn unlock(lock: &RobustWord) {
    watch::released(lock);
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

//! The count of permits in one word, and the sleep of those who find none. What every semaphore, and the unowned lock, is made of.
//!
//! ```text
//!    31         30                               0
//!  ┌──────────┬──────────────────────────────────┐
//!  │ SLEEPERS │ permits that are free            │
//!  └──────────┴──────────────────────────────────┘
//! ```
//!
//! A sleeper sleeps while the word is `SLEEPERS` alone. The bit stays set while permits come and go, so that whoever releases next
//! wakes a sleeper that a death has left behind. It is cleared by a waker that found fewer sleepers than it could have woken;
//! another may have gone to sleep in between, but then somebody has been woken since, and sets the bit again.

use std::sync::atomic::Ordering::{self, Acquire, Relaxed, Release};
#[cfg(not(multiproc_loom))]
use std::time::{Duration, Instant};

use super::ReleaseError;
use crate::futex::{Futex, Scope};
use crate::mutex::patience::Patience;
use crate::planted::{Bug, planted};
use crate::{Pace, WaitError};

/// Somebody may sleep.
const SLEEPERS: u32 = 1 << 31;
/// Free permits.
const FREE: u32 = SLEEPERS - 1;

/// The most permits that a semaphore can have: as many as `sem_t` can.
pub const MAX_PERMITS: u32 = FREE;

/// A count of free permits. `ZEROED`: as many are free if all bytes are 0, as of memory that nobody has written to yet; the count
/// lies in the word as its difference from that, bit by bit.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Permits<const ZEROED: u32> {
    word: Futex,
    /// Of all who wait here: a hint, in which any number may stand.
    pace: Pace,
}

impl<const ZEROED: u32> Permits<ZEROED> {
    /// So many, `MAX_PERMITS` at the most.
    #[cfg(not(multiproc_loom))]
    pub(crate) const fn new(free: u32) -> Self {
        Self { word: Futex::new(free ^ ZEROED), pace: Pace::new() }
    }

    /// So many, `MAX_PERMITS` at the most.
    #[cfg(multiproc_loom)]
    pub(crate) fn new(free: u32) -> Self {
        Self { word: Futex::new(free ^ ZEROED), pace: Pace::new() }
    }

    /// The bit and the count.
    #[inline(always)]
    fn load(&self) -> u32 {
        self.word.load(Relaxed) ^ ZEROED
    }

    /// Exchanges both at once; relaxed if it fails.
    #[inline(always)]
    fn exchange(&self, seen: u32, after: u32, order: Ordering) -> Result<u32, u32> {
        let exchanged = self.word.compare_exchange(seen ^ ZEROED, after ^ ZEROED, order, Relaxed);
        exchanged.map_err(|now| now ^ ZEROED)
    }

    /// How many are free.
    pub(crate) fn free(&self) -> u32 {
        self.load() & FREE
    }

    /// Takes one.
    #[inline(always)]
    pub(crate) fn acquire(&self, patience: Patience<'_>) -> Result<(), WaitError> {
        match self.take(0) {
            Some(_) => Ok(()),
            None => self.wait(patience),
        }
    }

    /// Takes one within `timeout`.
    #[cfg(not(multiproc_loom))]
    pub(crate) fn acquire_timeout(&self, timeout: Duration) -> Result<(), WaitError> {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.acquire(Patience::Until(&deadline)),
            None => self.acquire(Patience::Endless), // longer than a clock can say
        }
    }

    /// As [`release`](Self::release), with the error that a caller is given.
    #[inline(always)]
    pub(crate) fn release_within(&self, count: u32, bound: u32) -> Result<(), ReleaseError> {
        self.release(count, bound).map_err(|free| ReleaseError { released: count, free, bound })
    }

    /// Puts `count` back, and wakes as many sleepers; all or none: `Err`, with how many are free, if that makes more than `bound`.
    #[inline(always)]
    pub(crate) fn release(&self, count: u32, bound: u32) -> Result<(), u32> {
        if count == 0 {
            return Ok(());
        }
        // In shared memory any number may stand there.
        let bound = bound & FREE;
        let mut seen = self.load();
        let first = seen & FREE;
        let after = loop {
            let free = if planted(Bug::OverReleaseUnseen) { first } else { seen & FREE };
            if count > bound.saturating_sub(free) {
                return Err(free);
            }
            let after = seen.wrapping_add(count);
            if planted(Bug::PermitLost) {
                self.word.store(after ^ ZEROED, Release);
                break after;
            }
            // Release: with the Acquire of `take`, also of one that comes after other exchanges of the word.
            let order = if planted(Bug::RelaxedUnlock) { Relaxed } else { Release };
            match self.exchange(seen, after, order) {
                Ok(_) => break after,
                Err(now) => seen = now,
            }
        };
        if after & SLEEPERS != 0 && !planted(Bug::SleeperNotWoken) {
            self.wake(count, after);
        }
        Ok(())
    }

    /// Takes a permit if one is free, and sets the bit `announced`; gives the word as it is after that.
    #[inline(always)]
    fn take(&self, announced: u32) -> Option<u32> {
        let mut seen = self.load();
        loop {
            if seen & FREE == 0 {
                return None;
            }
            let mut after = (seen - 1) | announced;
            if planted(Bug::SleepersTakenAlong) && after == SLEEPERS && announced == 0 {
                after = 0;
            }
            if planted(Bug::PermitTakenTwice) {
                self.word.store(after ^ ZEROED, Relaxed);
                return Some(after);
            }
            // Acquire: with the Release of `release`.
            match self.exchange(seen, after, Acquire) {
                Ok(_) => return Some(after),
                Err(now) => seen = now,
            }
        }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn wait(&self, patience: Patience<'_>) -> Result<(), WaitError> {
        let deadline = patience.sleep()?;
        if self.pace.spin(deadline.cloned(), || self.take(0)).is_some() {
            return Ok(());
        }
        let until = deadline.filter(|_| !planted(Bug::DeadlineIgnored));
        let mut slept = false;
        loop {
            if self.take_after(slept) {
                return Ok(());
            }
            if self.is_announced() {
                if let Err(error) = self.word.wait_for_event(SLEEPERS ^ ZEROED, Scope::Shared, until) {
                    return if self.take_after(slept) { Ok(()) } else { Err(error) };
                }
                slept = true;
            }
        }
    }

    /// Takes a permit if one is free. Who has `slept` cannot know whether others sleep still, and leaves the bit set; and if
    /// there are more permits, wakes one of them: who put these back may have died before it did, or the one whom it woke.
    fn take_after(&self, slept: bool) -> bool {
        let announced = if slept && !planted(Bug::OthersAsleepForgotten) { SLEEPERS } else { 0 };
        let Some(after) = self.take(announced) else { return false };
        if slept && after & FREE != 0 && !planted(Bug::PermitNotPassedOn) {
            self.wake(1, after);
        }
        true
    }

    /// Says that somebody may sleep, unless there is a permit again.
    fn is_announced(&self) -> bool {
        matches!(self.exchange(0, SLEEPERS, Relaxed), Ok(_) | Err(SLEEPERS))
    }

    /// Wakes up to `count` sleepers. The caller has left this word, in which permits are free.
    #[cold]
    #[inline(never)]
    pub(crate) fn wake(&self, count: u32, word: u32) {
        if self.word.wake(count, Scope::Shared) < count {
            self.take_back(word);
        }
    }

    /// Takes the bit back out of the word that a waker left, who has found nobody else asleep.
    fn take_back(&self, word: u32) {
        // If it fails, one call later will be in vain.
        let _ = self.exchange(word, word & FREE, Relaxed);
    }

    /// What a release of one permit does last, if the kernel found nobody. In a model of its own: all of the release would take
    /// more steps than can be tried in every order.
    #[cfg(all(test, multiproc_loom))]
    pub(crate) fn take_back_late(&self) {
        self.take_back(SLEEPERS | 1);
    }

    /// What is left of a release of one permit by a process that died before it woke anybody.
    #[cfg(all(test, multiproc_loom))]
    pub(crate) fn put_in_silence(&self) {
        while {
            let seen = self.load();
            self.exchange(seen, seen + 1, Release).is_err()
        } {}
    }
}

//! Those who wait at one side of a queue, and how they are woken: one for each change that lets one go on.
//!
//! Who waits *registers*, looks once more, and then waits for a token. Who has changed something claims one of the registered, and makes
//! a token for it; which of them gets that is all the same. So there are never more who wait than are registered or have a token coming:
//! whoever gives up takes its registration back, or, if that was claimed already, the token; nobody else's wake-up is lost with it.
//!
//! A token in excess, of one who gave up before the token was there, costs somebody a look in vain.

use std::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};

use multiproc_sync::primitive::{AtomicU32, Deadline, fence};
use multiproc_sync::{Pace, Semaphore};

#[cfg(not(multiproc_loom))]
use super::store::give_way;
use crate::cancel::WaitError;
use crate::planted::{Bug, planted};

/// From now on every change lets all go on.
const CLOSED: u32 = 1 << 31;
/// How many are registered, and not claimed.
const COUNT: u32 = CLOSED - 1;

/// How often one that is about to sleep gives its core away first. Where threads share a core, the others then fill or empty the queue in
/// one go; asleep, it would be woken by the first of their items, and each item could cost a sleep and a wake-up.
#[cfg(not(multiproc_loom))]
const TURNS_GIVEN: u32 = 2;

#[derive(Debug)]
pub(crate) struct Sleepers {
    word: AtomicU32,
    tokens: Semaphore,
    /// Of all who wait here: hints.
    #[cfg_attr(multiproc_loom, allow(dead_code))] // in a model nobody spins
    pace: Pace,
}

impl Sleepers {
    pub(crate) fn new() -> Self {
        Self { word: AtomicU32::new(0), tokens: Semaphore::new(0), pace: Pace::new() }
    }

    /// Wakes one that waits, if any does. Comes after what it waits for.
    #[inline(always)]
    pub(crate) fn wake_one(&self) {
        if self.may_have_any() {
            self.claim();
        }
    }

    /// Wakes all that wait. Comes after what they wait for.
    pub(crate) fn wake_all(&self) {
        if self.may_have_any() {
            self.claim_all(0);
        }
    }

    /// Wakes all that wait, if any does and they can go on. Comes after what they wait for.
    #[inline(always)]
    pub(crate) fn wake_all_if(&self, can_go_on: impl FnOnce() -> bool) {
        if self.may_have_any() && can_go_on() {
            self.claim_all(0);
        }
    }

    /// Wakes all that wait, and from now on all at each change. Comes after what they wait for.
    pub(crate) fn close(&self) {
        fence(SeqCst); // as in `may_have_any`
        self.claim_all(CLOSED);
    }

    #[inline(always)]
    fn may_have_any(&self) -> bool {
        // With the fence of `wait`: either this sees the registration, or who has registered sees the change before this.
        if !planted(Bug::SleeperUnfenced) {
            fence(SeqCst);
        }
        self.word.load(Relaxed) != 0
    }

    #[cold]
    #[inline(never)]
    fn claim(&self) {
        let mut seen = self.word.load(Relaxed);
        while seen & COUNT != 0 {
            if seen & CLOSED != 0 && !planted(Bug::LateItemToldToOne) {
                return self.claim_all(CLOSED);
            }
            // Acquire: who was registered has seen what the next one is to see too, where this passes a wake-up on.
            match self.word.compare_exchange(seen, seen - 1, AcqRel, Relaxed) {
                Ok(_) => return self.make_tokens(1),
                Err(now) => seen = now,
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn claim_all(&self, closed: u32) {
        if closed != 0 {
            self.word.fetch_or(closed, AcqRel);
        }
        let count = self.word.fetch_and(CLOSED, AcqRel) & COUNT;
        self.make_tokens(if planted(Bug::EndToldToOne) { count.min(1) } else { count });
    }

    fn make_tokens(&self, count: u32) {
        // Fails at 2^31 of them: more than there can be threads to be registered.
        let _ = self.tokens.release(count);
    }

    /// Waits until `look` finds something, having looked once before. In the end, also by a panic, wakes another if there is `more` to be
    /// found.
    ///
    /// # Errors
    ///
    /// [`WaitError`], if a last look has found nothing.
    pub(crate) fn wait<T>(
        &self,
        deadline: Option<&Deadline>,
        #[cfg_attr(multiproc_loom, allow(unused_mut))] mut look: impl FnMut() -> Option<T>,
        more: impl Fn() -> bool,
    ) -> Result<T, WaitError> {
        #[cfg(not(multiproc_loom))]
        if let Some(found) = self.pace.spin(deadline.copied(), &mut look) {
            return Ok(found);
        }
        #[cfg(not(multiproc_loom))]
        for _ in 0..TURNS_GIVEN {
            if deadline.is_some_and(|deadline| std::time::Instant::now() >= *deadline) {
                break;
            }
            give_way();
            if let Some(found) = look() {
                return Ok(found);
            }
        }
        let _pass_on = PassOn { sleepers: self, more };
        self.wait_asleep(deadline, look)
    }

    fn wait_asleep<T>(
        &self,
        deadline: Option<&Deadline>,
        mut look: impl FnMut() -> Option<T>,
    ) -> Result<T, WaitError> {
        loop {
            if planted(Bug::AnnouncedLate)
                && let Some(found) = look()
            {
                return Ok(found);
            }
            let registered = self.register();
            // With the fence of `may_have_any`.
            fence(SeqCst);
            if !planted(Bug::AnnouncedLate)
                && let Some(found) = look()
            {
                return Ok(found);
            }
            let token = match deadline.filter(|_| !planted(Bug::DeadlineIgnored)).cloned() {
                Some(deadline) => self.tokens.acquire_deadline(deadline),
                None => self.tokens.acquire(),
            };
            match token {
                Ok(()) => registered.was_claimed(),
                Err(error) => {
                    drop(registered);
                    let error = WaitError::from(error);
                    return if planted(Bug::WakeTakenAlong) { Err(error) } else { look().ok_or(error) };
                }
            }
        }
    }

    fn register(&self) -> Registered<'_> {
        // Release: with the Acquire of `claim`.
        self.word.fetch_add(1, AcqRel);
        Registered(self)
    }
}

/// Wakes another in the end of a wait. One who was woken, and found a put or a get under way before what it was woken for, has slept
/// again; one whose item panics when it is compared leaves the room that it was woken for: that wake-up is made up for here.
struct PassOn<'a, M: Fn() -> bool> {
    sleepers: &'a Sleepers,
    more: M,
}

impl<M: Fn() -> bool> Drop for PassOn<'_, M> {
    fn drop(&mut self) {
        if !planted(Bug::NotPassedOn) && !planted(Bug::WakeTakenAlong) && (self.more)() {
            self.sleepers.wake_one();
        }
    }
}

/// One that may be claimed. Taken back when it is dropped, also by a panic.
struct Registered<'a>(&'a Sleepers);

impl Registered<'_> {
    /// It has got a token.
    fn was_claimed(self) {
        std::mem::forget(self);
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let Sleepers { word, tokens, .. } = self.0;
        let mut seen = word.load(Relaxed);
        while seen & COUNT != 0 && !planted(Bug::WakeTakenAlong) {
            match word.compare_exchange(seen, seen - 1, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        let _ = tokens.try_acquire(); // not there yet: somebody will look in vain
    }
}

//! The turn of those whom a writer has kept out: a writer that comes later lets them in first.
//!
//! The lock is not fair: a thread that writes again and again could take it anew each time, before one that sleeps has woken up. So
//! who is kept out says so here until it has the head of the lock. A writer that comes meanwhile waits once: until nobody is kept out,
//! or as many have come to the head as were kept out before it.
//!
//! ```text
//!    31        17 16        1   0
//!  ┌────────────┬───────────┬──────────┐
//!  │ kept out   │ let in    │ SLEEPERS │      0: nobody is kept out, as in memory that nobody has written to
//!  └────────────┴───────────┴──────────┘
//! ```
//!
//! One that is killed while it is kept out stays in the count. A turn that does not get on though no writer is inside is called over: after
//! milliseconds by a writer that begins to wait, within a second by one that waits already. A wrong number costs fairness or milliseconds, never a wake-up.

use crate::WaitError;
use crate::futex::{Futex, Scope};
use crate::mutex::robust::Refusal;
use crate::origin::Origin;
use crate::planted::{Bug, planted};
use crate::primitive::Deadline;
use crate::robust_semaphore::looks::Looks;
use crate::watch::Waiting;
use std::sync::atomic::Ordering::Relaxed;

/// Writers may sleep, until nobody is kept out.
const SLEEPERS: u32 = 1;
/// One who was let in.
const LET_IN: u32 = 1 << 1;
/// One who is kept out.
const KEPT_OUT: u32 = 1 << 17;

#[repr(transparent)]
#[derive(Debug)]
pub(super) struct Turn(Futex);

/// One who is kept out, until this is dropped.
pub(super) struct KeptOut<'a> {
    turn: &'a Turn,
    scope: Scope,
    origin: Origin,
}

impl Drop for KeptOut<'_> {
    fn drop(&mut self) {
        // In a fork that a signal's hook has made, the one in shared memory is the parent.
        let is_ours = self.scope == Scope::Private || self.origin.is_here();
        if is_ours && !planted(Bug::TurnNotLeft) {
            self.turn.leave(self.scope);
        }
    }
}

fn kept_out(seen: u32) -> u32 {
    seen / KEPT_OUT
}

fn let_in(seen: u32) -> u32 {
    seen % KEPT_OUT / LET_IN
}

/// How many were let in from one look to a later one.
fn let_in_between(before: u32, after: u32) -> u32 {
    let_in(after).wrapping_sub(let_in(before)) % (KEPT_OUT / LET_IN)
}

/// The word with one more that was let in, when so many are kept out.
fn let_one_in(seen: u32, left: u32) -> u32 {
    let sleepers = if left == 0 { 0 } else { seen & SLEEPERS };
    (left * KEPT_OUT) | ((let_in(seen) + 1) * LET_IN % KEPT_OUT) | sleepers
}

impl Turn {
    #[cfg(not(multiproc_loom))]
    pub(super) const fn new() -> Self {
        Self(Futex::new(0))
    }

    #[cfg(multiproc_loom)]
    pub(super) fn new() -> Self {
        Self(Futex::new(0))
    }

    /// Whether anybody is kept out.
    #[inline(always)]
    pub(super) fn is_on(&self) -> bool {
        kept_out(self.0.load(Relaxed)) != 0 && !planted(Bug::TurnIgnored)
    }

    /// As [`is_on`](Self::is_on), also with a bug in that.
    #[cfg(all(test, multiproc_loom))]
    pub(super) fn has_kept_out(&self) -> bool {
        kept_out(self.0.load(Relaxed)) != 0
    }

    /// Counts one more who is kept out.
    pub(super) fn join(&self, scope: Scope) -> KeptOut<'_> {
        self.0.fetch_add(KEPT_OUT, Relaxed);
        KeptOut { turn: self, scope, origin: Origin::here() }
    }

    fn leave(&self, scope: Scope) {
        let mut seen = self.0.load(Relaxed);
        // Else a writer has called the turn over, and this one with it.
        while let Some(left) = kept_out(seen).checked_sub(1) {
            match self.0.compare_exchange(seen, let_one_in(seen, left), Relaxed, Relaxed) {
                Ok(_) if left == 0 => return self.wake(seen, scope),
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    fn wake(&self, before: u32, scope: Scope) {
        if before & SLEEPERS != 0 && !planted(Bug::TurnEndsInSilence) {
            self.0.wake(u32::MAX, scope);
        }
    }

    /// Waits until those who are kept out now have been let in, or do not get on though no writer `is_inside`, or until the deadline.
    #[cold]
    #[inline(never)]
    pub(super) fn wait(
        &self,
        scope: Scope,
        deadline: Option<&Deadline>,
        is_inside: &dyn Fn() -> bool,
        waiting: &mut Waiting,
    ) -> Result<(), Refusal> {
        let first = self.0.load(Relaxed);
        // Also in private memory: in a fork those are counted whose threads are not there.
        let mut looks = Looks::new(Scope::Shared);
        loop {
            let seen = self.0.load(Relaxed);
            if kept_out(seen) == 0 || let_in_between(first, seen) >= kept_out(first) {
                return Ok(());
            }
            let announced = seen | SLEEPERS;
            if seen != announced && self.0.compare_exchange(seen, announced, Relaxed, Relaxed).is_err() {
                continue;
            }
            let was_inside = is_inside();
            waiting.look()?;
            let until = waiting.until(looks.until(deadline));
            match self.0.wait(announced, scope, until.as_ref()) {
                Err(WaitError::TimedOut) if Looks::is_late(deadline) => return Ok(()),
                Err(WaitError::Interrupted) => return Err(WaitError::Interrupted.into()),
                Ok(()) | Err(WaitError::TimedOut) => {}
            }
            if looks.is_due() && !was_inside && !is_inside() {
                // Fails if it gets on after all.
                let over = let_one_in(announced, 0);
                if self.0.compare_exchange(announced, over, Relaxed, Relaxed).is_ok() {
                    self.wake(announced, scope);
                }
            }
        }
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_turn_is_over_when_the_last_was_let_in() {
        let turn = Turn::new();
        let [first, second] = [(); 2].map(|()| turn.join(Scope::Private));
        assert!(turn.is_on());
        drop(second);
        assert_eq!((turn.is_on(), let_in(turn.0.load(Relaxed))), (true, 1));
        drop(first);
        assert_eq!((turn.is_on(), let_in(turn.0.load(Relaxed))), (false, 2));
        assert_eq!(turn.wait(Scope::Private, None, &|| true, &mut Waiting::unwatched()), Ok(()));
    }

    #[test]
    fn the_count_begins_anew_and_spills_nowhere() {
        let turn = Turn::new();
        let once_around = KEPT_OUT / LET_IN;
        for _ in 0..once_around - 1 {
            drop(turn.join(Scope::Private));
        }
        let before = turn.0.load(Relaxed);
        drop(turn.join(Scope::Private));
        assert_eq!(turn.0.load(Relaxed), 0);
        assert_eq!((let_in_between(before, 0), let_in_between(before, LET_IN)), (1, 2));
    }

    #[test]
    fn a_turn_that_does_not_get_on_is_called_over_unless_a_writer_is_inside() {
        let turn = Turn::new();
        std::mem::forget(turn.join(Scope::Private));
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(turn.wait(Scope::Private, Some(&soon), &|| true, &mut Waiting::unwatched()), Ok(()));
        assert!(turn.is_on() && Instant::now() >= soon, "a writer was inside");
        assert_eq!(turn.wait(Scope::Private, None, &|| false, &mut Waiting::unwatched()), Ok(()));
        assert!(!turn.is_on());
        let after = turn.0.load(Relaxed);
        turn.leave(Scope::Private);
        assert_eq!(turn.0.load(Relaxed), after, "it was let in with the others");
    }

    #[test]
    fn whatever_word_is_found_a_wait_ends() {
        for word in [1, LET_IN, KEPT_OUT, KEPT_OUT | SLEEPERS, !0, !0 - SLEEPERS, 0x5555_5555] {
            let turn = Turn(Futex::new(word));
            assert_eq!(turn.wait(Scope::Private, None, &|| false, &mut Waiting::unwatched()), Ok(()));
            drop(turn.join(Scope::Private));
        }
    }
}

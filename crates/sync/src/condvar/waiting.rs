//! One wait: the mutex is let go, its thread sleeps, and takes it again.

use std::sync::atomic::Ordering::Relaxed;

use super::guard::{TakeAgain, WaitGuard};
use super::{Condvar, SLEEPERS, SPINNERS, WAITERS, WaitTimeoutResult};
use crate::interrupt;
use crate::planted::{Bug, planted};
use crate::primitive::Deadline;
use crate::watch::Site;
use crate::{LockError, LockResult, MutexGuard, WaitError};

impl Condvar {
    /// Gives the mutex back and waits for a notification, up to the deadline, then for the mutex.
    #[cfg_attr(feature = "watch", track_caller)]
    pub(crate) fn wait_until<G: WaitGuard>(
        &self,
        guard: G,
        deadline: Option<&Deadline>,
    ) -> LockResult<(G, WaitTimeoutResult)> {
        let site = Site::here();
        if !guard.is_held() {
            return Err(LockError::NotHeld);
        }
        let (lock, slept) = self.sleep_after(|| guard.release(), deadline);
        let result = match slept {
            Ok(()) => WaitTimeoutResult(false),
            Err(WaitError::TimedOut) => WaitTimeoutResult(true),
            Err(WaitError::Interrupted) => {
                return Err(lock
                    .leave(LockError::Interrupted)
                    .map(|guard| (guard, WaitTimeoutResult(false))));
            }
        };
        let notified = (!result.timed_out()).then(|| Notified(self));
        let relocked = lock.take_again(site);
        std::mem::forget(notified);
        match relocked {
            Ok(guard) => Ok((guard, result)),
            Err(error) => {
                let error = error.map(|guard| (guard, result));
                // Who cannot look at the condition has no use for a notification, and another may wait for it.
                let is_lost = !matches!(error, LockError::Poisoned(_) | LockError::OwnerDied(_));
                if is_lost && !result.timed_out() && !planted(Bug::NotificationSwallowed) {
                    self.notify_one();
                }
                Err(error)
            }
        }
    }

    /// Drops the guard and waits for a notification, up to the deadline. The caller takes the mutex again, as it likes.
    pub(crate) fn sleep_without<T: ?Sized>(
        &self,
        guard: MutexGuard<'_, T>,
        deadline: Option<&Deadline>,
    ) -> Result<(), WaitError> {
        self.sleep_after(|| drop(guard), deadline).1
    }

    /// Releases a lock and waits for a notification, up to the deadline; gives what `release` has given, too.
    fn sleep_after<R>(
        &self,
        release: impl FnOnce() -> R,
        deadline: Option<&Deadline>,
    ) -> (R, Result<(), WaitError>) {
        let mut ticket = self.announce();
        let released = release();
        if planted(Bug::SequenceLate) {
            ticket = self.announce();
        }
        let slept = self.sleep(ticket, deadline);
        (released, slept)
    }

    /// Says that somebody may wait; gives the word with which that is said.
    fn announce(&self) -> u32 {
        self.word.fetch_or(SPINNERS, Relaxed) | SPINNERS
    }

    /// Waits while nobody notifies.
    fn sleep(&self, ticket: u32, deadline: Option<&Deadline>) -> Result<(), WaitError> {
        let is_notified = |word: u32| (word ^ ticket) & !WAITERS != 0;
        #[cfg(not(multiproc_loom))] // in a model nobody spins
        {
            let look = || is_notified(self.word.load(Relaxed)).then_some(());
            if self.pace.spin(deadline.copied(), look).is_some() {
                return Ok(());
            }
        }
        let mut seen = self.word.load(Relaxed);
        let asleep = loop {
            if is_notified(seen) && !planted(Bug::SequenceUnseen) {
                return Ok(());
            }
            // Others that are awake still are covered by this bit as well.
            let asleep = seen & !SPINNERS | SLEEPERS;
            match self.word.compare_exchange(seen, asleep, Relaxed, Relaxed) {
                Ok(_) => break asleep,
                Err(newer) => seen = newer,
            }
        };
        let until = deadline.filter(|_| !planted(Bug::DeadlineIgnored));
        self.word.wait_for_event(asleep, self.scope(), until)?;
        // Woken by the thread's alarm alone, it has nobody's notification.
        let is_notified = is_notified(self.word.load(Relaxed)) && !planted(Bug::NotificationTakenForAlarm);
        if !is_notified && interrupt::would_end_event() {
            return Err(WaitError::Interrupted);
        }
        Ok(())
    }
}

/// A waiter that is to take the mutex again. Dropped, by a panic of the hook's, it passes its notification on.
struct Notified<'a>(&'a Condvar);

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

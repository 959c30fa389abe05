//! The turn to initialise: one thread at a time has it, and it passes on when it is dropped, or when its process has ended.

use std::sync::atomic::Ordering::Relaxed;

use super::{Once, OnceError};
use crate::identity::Me;
use crate::interrupt::as_event;
use crate::mutex::patience::Request;
use crate::mutex::robust::Refusal;
use crate::mutex::{private, robust};
use crate::planted::{Bug, planted};
use crate::primitive::this_thread;
use crate::watch::{self, Access};

/// The calling thread initialises. Dropped without [`complete`](Self::complete), by a panic say, it counts for nothing.
pub(crate) struct Initialising<'a> {
    once: &'a Once,
    /// Who has taken a robust lock; `None`: the lock is private.
    owner: Option<Me>,
}

impl<'a> Initialising<'a> {
    /// Waits for the turn; `None`: it is done.
    #[cold]
    #[inline(never)]
    pub(crate) fn begin(once: &'a Once, request: Request<'_>) -> Result<Option<Self>, Refusal> {
        // For another's initialiser, which may take long: more than for a lock.
        let turn = match as_event(|| Self::take(once, request)) {
            Ok(turn) => turn,
            // By one whose lock cannot be had now, or that was quicker than this one gave up.
            Err(_) if once.is_completed() => return Ok(None),
            Err(refusal) => return Err(refusal),
        };
        if once.is_completed() && !planted(Bug::CompletedMeanwhile) {
            return Ok(None);
        }
        if planted(Bug::DeadInitialiserTrusted) && once.lock.state.load(Relaxed) != 0 {
            return Ok(None);
        }
        if planted(Bug::DoneEarly) {
            once.done.set();
        }
        Ok(Some(turn))
    }

    fn take(once: &'a Once, request: Request<'_>) -> Result<Self, Refusal> {
        if !once.lock.is_private() {
            // What the lock knows of its data does not matter: what is not done is begun anew, whatever became of it before.
            let owner = robust::lock(&once.lock, request)?;
            return Ok(Self { once, owner: Some(owner) });
        }
        let here = this_thread();
        // Relaxed: of its own number a thread sees what it has stored itself.
        if once.initialiser.load(Relaxed) == here {
            return Err(Refusal::Deadlock(watch::self_lock(&once.lock, Access::Exclusive, request.site)));
        }
        private::lock(&once.lock, request)?;
        once.initialiser.store(here, Relaxed);
        Ok(Self { once, owner: None })
    }

    /// Whether the turn is still this process's.
    ///
    /// # Errors
    ///
    /// [`OnceError::Forked`]: the initialiser has forked, and the turn is the parent's.
    pub(crate) fn check_process<E>(&self) -> Result<(), OnceError<E>> {
        if self.owner.is_some_and(Me::is_elsewhere) { Err(OnceError::Forked) } else { Ok(()) }
    }

    /// It is done: whoever waits goes on.
    #[cold]
    #[inline(never)]
    pub(crate) fn complete(self) {
        // With the lock held: whoever dies before this has done nothing, whoever dies after it has done all.
        self.once.done.set();
    }
}

impl Drop for Initialising<'_> {
    fn drop(&mut self) {
        if planted(Bug::FailureCounts) {
            self.once.done.set();
        }
        match self.owner {
            Some(owner) => robust::unlock(&self.once.lock, owner),
            None => {
                self.once.initialiser.store(0, Relaxed);
                private::unlock(&self.once.lock);
            }
        }
    }
}

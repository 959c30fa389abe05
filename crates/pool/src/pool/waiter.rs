//! A thread that waits for tasks, and the place where each task's outcome is left for it.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use multiproc_sync::primitive::AtomicUsize;
use multiproc_sync::primitive::blocking::{Condvar, Mutex, MutexGuard};

use crate::pool::planted::{Bug, planted};

/// Where the outcome of one task is left, once.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    outcome: Mutex<Option<T>>,
    waiter: Arc<Waiter>,
}

impl<T> Slot<T> {
    /// A slot whose outcome `waiter` waits for.
    pub(crate) fn new(waiter: Arc<Waiter>) -> Arc<Self> {
        waiter.pending.fetch_add(1, Relaxed);
        Arc::new(Self { outcome: Mutex::new(None), waiter })
    }

    /// Leaves the outcome and wakes the waiter. Called with the pool's state locked, as is the waiter's last look
    /// before it sleeps: so no wake is lost.
    pub(crate) fn fill(&self, outcome: T) {
        if planted(Bug::OutcomeLate) {
            self.waiter.one_less();
            *self.lock() = Some(outcome);
            return;
        }
        *self.lock() = Some(outcome);
        self.waiter.one_less();
    }

    pub(crate) fn is_filled(&self) -> bool {
        self.lock().is_some()
    }

    pub(crate) fn take(&self) -> Option<T> {
        self.lock().take()
    }

    pub(crate) fn waiter(&self) -> &Arc<Waiter> {
        &self.waiter
    }

    /// Nothing panics while it is held, so a poisoned one is whole.
    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In the place of a number of pending tasks: nobody sleeps.
const NOBODY: usize = usize::MAX;

/// A thread that waits for the outcome of one task or of many.
///
/// All changes are made with the pool's state locked; the atomics serve readers that have it not.
#[derive(Debug)]
pub(crate) struct Waiter {
    /// Tasks without an outcome.
    pending: AtomicUsize,
    /// The thread sleeps until no more than so many are pending, or `NOBODY`.
    sleeps_until: AtomicUsize,
    /// Waited on with the pool's state.
    condition: Condvar,
}

impl Waiter {
    pub(crate) fn new() -> Arc<Self> {
        let (pending, sleeps_until) = (AtomicUsize::new(0), AtomicUsize::new(NOBODY));
        Arc::new(Self { pending, sleeps_until, condition: Condvar::new() })
    }

    /// Tasks without an outcome.
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Acquire) // of `one_less`: the outcome is there when the count says so
    }

    fn one_less(&self) {
        let before = self.pending.fetch_sub(1, Release); // to `pending`, which may look without the lock
        let pending = if planted(Bug::CountedLate) { before } else { before - 1 };
        let target = self.sleeps_until.load(Relaxed);
        if target != NOBODY && pending <= target {
            self.condition.notify_one();
        }
    }

    /// Wakes the thread though its tasks are not done: it is to drive the pool.
    pub(crate) fn call(&self) {
        self.condition.notify_one();
    }

    /// Sleeps, giving the state's lock away meanwhile, until woken or until so much time has passed.
    pub(crate) fn sleep<'a, T>(
        &self,
        state: MutexGuard<'a, T>,
        target: usize,
        limit: Option<Duration>,
    ) -> MutexGuard<'a, T> {
        self.sleeps_until.store(target, Relaxed);
        let state = match limit {
            None => self.condition.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(limit) => {
                self.condition.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        self.sleeps_until.store(NOBODY, Relaxed);
        state
    }
}

//! What was put, what was reported done, and those who wait until both are equal.

use std::sync::PoisonError;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use multiproc_sync::primitive::blocking::{Mutex, MutexGuard};
use multiproc_sync::primitive::{AtomicU64, Deadline};

use super::contention::Contention;
use super::sleepers::Sleepers;
use super::store::Store;
use crate::cancel::WaitError;
use crate::planted::{Bug, planted};

/// In `done`: the queue was shut down at once; see `discarded`.
const DISCARDED: u64 = 1;
/// One item, in `done`.
const ONE: u64 = 2;

/// More was reported done than was got from the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "task_done was called more often than items were got: call it once after each, when the work on it is done"
)]
pub struct TaskDoneError;

pub(crate) struct Account {
    /// Items reported done, or discarded, doubled; the lowest bit is [`DISCARDED`].
    done: AtomicU64,
    joiners: Sleepers,
    /// How many items were not done when the queue was shut down at once. Held while they are discarded: from the bit in `done`
    /// until they count as done.
    discarded: Mutex<Option<u64>>,
}

impl Account {
    pub(crate) fn new() -> Self {
        Self { done: AtomicU64::new(0), joiners: Sleepers::new(), discarded: Mutex::new(None) }
    }

    /// One item that was taken is done.
    #[inline]
    pub(crate) fn task_done(&self, store: &impl Store) -> Result<(), TaskDoneError> {
        // Acquire: who finds that another has reported sees at least what that one took.
        let mut done = self.done.load(Acquire);
        let mut guard = None;
        let contention = Contention::new();
        loop {
            if done & DISCARDED != 0 && guard.is_none() && !planted(Bug::DiscardTorn) {
                guard = Some(self.lock()); // in the middle of it more are taken than done
                done = self.done.load(Acquire);
                continue;
            }
            if done / ONE >= store.taken() && !planted(Bug::OverCallUnseen) {
                return Err(TaskDoneError);
            }
            // Release: with the Acquire of `is_done`; so all work on all items is seen by who waited for it.
            let order = if planted(Bug::DoneUnordered) { Relaxed } else { AcqRel };
            match self.done.compare_exchange(done, done + ONE, order, Acquire) {
                Ok(_) => break,
                Err(now) => done = contention.reload(&self.done, now),
            }
        }
        drop(guard);
        if !planted(Bug::LastDoneSilently) {
            self.joiners.wake_all_if(|| self.unfinished(store) == 0);
        }
        Ok(())
    }

    /// Items that were put and are not done.
    pub(crate) fn unfinished(&self, store: &impl Store) -> u64 {
        // Done first: what was put by then is counted, so that none are left only if there was a moment at which none were. Acquire:
        // with the Release of `task_done`, after the puts that these follow.
        let done = self.done.load(Acquire);
        store.puts().saturating_sub(done / ONE)
    }

    /// Waits until all items are done; gives how many were not when the queue was shut down at once.
    pub(crate) fn join(&self, store: &impl Store, deadline: Option<&Deadline>) -> Result<u64, WaitError> {
        let look = || {
            let puts_before = planted(Bug::PutsCountedFirst).then(|| store.puts());
            // As in `unfinished`. The bit and the count come from one look: what is discarded counts as done.
            let mut done = self.done.load(Acquire);
            if done & DISCARDED != 0 {
                return Some(self.lock().unwrap_or(0));
            }
            if planted(Bug::EndSeenLate) {
                done = self.done.load(Acquire);
            }
            let puts = puts_before.unwrap_or_else(|| store.puts());
            (puts <= done / ONE).then_some(0)
        };
        match look() {
            Some(left) => Ok(left),
            None => self.joiners.wait(deadline, look, || false),
        }
    }

    /// Discards, once and for all, what is in a store that was shut, and releases who waits for it. Gives what was discarded.
    pub(crate) fn discard<S: Store>(&self, store: &S) -> S::Rest {
        let mut discarded = self.lock();
        self.done.fetch_or(DISCARDED, AcqRel);
        let (rest, count) = store.clear();
        if discarded.is_none() {
            *discarded = Some(self.unfinished(store));
        }
        self.done.fetch_add(count * ONE, AcqRel);
        drop(discarded);
        if !planted(Bug::JoinerForgotten) {
            self.joiners.wake_all();
        }
        rest
    }

    /// Nothing panics while it is held.
    fn lock(&self) -> MutexGuard<'_, Option<u64>> {
        self.discarded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

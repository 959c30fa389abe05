//! One who comes, and one who has come, until it leaves: in whatever way it gets out of its wait, nobody waits for it, and its place is
//! not left behind as that of one who waits.

use std::mem::ManuallyDrop;
use std::sync::atomic::Ordering::Release;

use crate::MutexGuard;
use crate::origin::Origin;
use crate::planted::{Bug, planted};

use super::state::{Place, State};
use super::{Barrier, BarrierError};

/// One that has no place yet. Dropped, by a panic of the hook's, it gives up as one that says so.
pub(super) struct Unwinds<'a> {
    pub(super) barrier: &'a Barrier,
    pub(super) origin: Origin,
}

impl Drop for Unwinds<'_> {
    fn drop(&mut self) {
        if self.origin.is_here() {
            self.barrier.give_up_from_afar(BarrierError::Broken);
        }
    }
}

/// A party that has a place. Dropped, by an error or a panic, it breaks the round that is not over.
pub(super) struct Party<'a> {
    barrier: &'a Barrier,
    place: Place,
    origin: Origin,
}

impl<'a> Party<'a> {
    pub(super) fn new(barrier: &'a Barrier, place: Place, origin: Origin) -> Self {
        Self { barrier, place, origin }
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Whether it is this process's, and not that of the process that the action, or the hook of a signal, has forked.
    pub(super) fn is_ours(&self) -> bool {
        self.origin.is_here()
    }

    /// Gives the place back, and tells what has become of the round.
    #[inline(never)]
    pub(super) fn leave(self, mut state: MutexGuard<'_, State>, is_news: bool) -> Result<(), BarrierError> {
        let party = ManuallyDrop::new(self);
        let outcome = state.outcome(party.place).unwrap_or(Err(BarrierError::Broken));
        // Who comes and finds no slot waits for one.
        let is_news = is_news || state.is_full();
        state.leave(party.place);
        drop(state);
        if is_news {
            party.barrier.turn.notify_all();
        }
        outcome
    }

    /// Leaves without the mutex; tells what has become of the round, if that is known and was not this one's doing.
    pub(super) fn leave_early(self) -> Option<Result<(), BarrierError>> {
        ManuallyDrop::new(self).end()
    }

    #[cold]
    fn end(&self) -> Option<Result<(), BarrierError>> {
        let Self { barrier, place, .. } = *self;
        if !self.is_ours() || planted(Bug::PlaceKept) {
            return None;
        }
        let outcome = match barrier.seize() {
            Some(mut state) => {
                let outcome = state.outcome(place);
                if outcome.is_none() {
                    state.break_for(0);
                }
                state.leave(place);
                outcome
            }
            None => {
                // Release: with the Acquire of `Barrier::collect`.
                barrier.left.fetch_or(1 << place, Release);
                None
            }
        };
        barrier.turn.notify_all();
        outcome
    }
}

impl Drop for Party<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

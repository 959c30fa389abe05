//! What an owner does with its part just now: reads it, sends it, has it no more. `loom_part_state.rs` is the model.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use multiproc_sync::primitive::AtomicU32;

use crate::planted::{Bug, planted};

/// It is in a message that is not sent yet.
const SENDING: u32 = 1 << 31;

/// It was sent.
const GONE: u32 = SENDING | 1;

/// It is in a message that is not sent yet, and its owner has dropped it.
const DROPPED: u32 = SENDING | 2;

/// Why a part is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsendable {
    /// Somebody reads it.
    Read,
    /// It is on its way, or gone.
    Sent,
}

/// The number of those who read; or [`SENDING`], or [`GONE`], or [`DROPPED`].
#[derive(Debug, Default)]
pub(super) struct PartState(AtomicU32);

impl PartState {
    /// One more reads; `false`: the part is on its way or gone.
    pub(super) fn begin_reading(&self) -> bool {
        let mut found = self.0.load(Relaxed);
        while found < SENDING - 1 {
            // Acquire: what was written before another thread had the part. Partner: `roll_back`.
            match self.0.compare_exchange(found, found + 1, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(now) => found = now,
            }
        }
        false
    }

    pub(super) fn end_reading(&self) {
        // Release: what was read. Partner: `begin_sending`.
        let order = if planted(Bug::PartReadUnordered) { Relaxed } else { Release };
        self.0.fetch_sub(1, order);
    }

    /// By who has the part for itself: nobody reads, also where a guard was forgotten. `false`: the part is on its way or gone.
    pub(super) fn is_here(&self) -> bool {
        let here = self.0.load(Acquire) < SENDING; // partner: `roll_back`
        if here {
            self.0.store(0, Relaxed);
        }
        here
    }

    pub(super) fn begin_sending(&self) -> Result<(), Unsendable> {
        // Acquire: all reading is over. Partner: `end_reading`.
        let exchanged = self.0.compare_exchange(0, SENDING, Acquire, Relaxed);
        exchanged.map(drop).map_err(|found| if found < SENDING { Unsendable::Read } else { Unsendable::Sent })
    }

    /// The message did not go. Whether its owner has dropped the part meanwhile.
    pub(super) fn roll_back(&self) -> bool {
        // Release: the part's new number. Partners: `begin_reading`, `is_here`, `end`. Acquire: whether its owner panicked. Partner: `end`.
        let order = if planted(Bug::PartBackUnordered) { Acquire } else { AcqRel };
        self.0.swap(0, order) == DROPPED
    }

    /// The owner drops it. Whether it was here.
    pub(super) fn end(&self) -> bool {
        // Release: whether the owner panicked, for who rolls back. Acquire: the part's number, if it changed. Partner of both: `roll_back`.
        let dropped = if planted(Bug::PartTornUnordered) { Relaxed } else { Release };
        let here = if planted(Bug::PartDroppedUnordered) { Relaxed } else { Acquire };
        match self.0.compare_exchange(SENDING, DROPPED, dropped, here) {
            Ok(_) => false, // `roll_back` sees to it
            Err(found) => found < SENDING,
        }
    }

    pub(super) fn commit(&self) {
        self.0.store(GONE, Release);
    }
}

#[cfg(all(test, not(multiproc_loom)))] // outside a model there are no atomics then
mod tests {
    use super::*;

    #[test]
    fn who_reads_keeps_it_from_being_sent_and_the_other_way_round() {
        let state = PartState::default();
        assert!(state.begin_reading() && state.begin_reading());
        assert_eq!(state.begin_sending(), Err(Unsendable::Read));
        state.end_reading();
        state.end_reading();
        assert_eq!(state.begin_sending(), Ok(()));
        assert_eq!(state.begin_sending(), Err(Unsendable::Sent));
        assert!(!state.begin_reading() && !state.is_here());
        assert!(!state.roll_back());
        assert!(state.is_here() && state.begin_reading());
        assert!(state.is_here(), "a guard was forgotten");
        assert_eq!(state.begin_sending(), Ok(()));
        state.commit();
        assert_eq!(state.begin_sending(), Err(Unsendable::Sent));
        assert!(!state.begin_reading() && !state.is_here());
        assert!(!state.end());
    }

    #[test]
    fn what_is_dropped_before_its_message_is_sent_is_told_to_who_rolls_back() {
        let state = PartState::default();
        assert_eq!(state.begin_sending(), Ok(()));
        assert!(!state.end());
        assert!(state.roll_back());
        assert!(state.end());
    }
}

//! What an owner does with its part just now: reads it, sends it, has it no more.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

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
            match self.0.compare_exchange_weak(found, found + 1, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(now) => found = now,
            }
        }
        false
    }

    pub(super) fn end_reading(&self) {
        self.0.fetch_sub(1, Release); // partner: `begin_sending`
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
        self.0.swap(0, Release) == DROPPED
    }

    /// The owner drops it. Whether it was here.
    pub(super) fn end(&self) -> bool {
        // Acquire: the part's number, if it changed. Partner: `roll_back`.
        match self.0.compare_exchange(SENDING, DROPPED, Relaxed, Acquire) {
            Ok(_) => false, // `roll_back` sees to it
            Err(found) => found < SENDING,
        }
    }

    pub(super) fn commit(&self) {
        self.0.store(GONE, Release);
    }
}

#[cfg(test)]
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

//! A turn that goes from place to place: what several scenarios hand on.
#![allow(clippy::disallowed_types)] // a count beside the primitives, not a primitive

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use crate::board::PLACES;

/// How many turns there have been: the next is that of the place at this number.
#[repr(transparent)]
pub(crate) struct Ring(AtomicU64);

impl Ring {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The place whose turn it is.
    pub(crate) fn at(&self) -> usize {
        (self.0.load(SeqCst) % PLACES as u64) as usize
    }

    /// Gives the turn on; gives the place that has it then.
    ///
    /// Panics if it was not that of `place`: somebody else had it, too.
    pub(crate) fn give_on(&self, place: usize) -> usize {
        let turn = self.0.load(SeqCst);
        assert_eq!(turn % PLACES as u64, place as u64, "the turn is another's");
        let given = self.0.compare_exchange(turn, turn + 1, SeqCst, SeqCst);
        assert!(given.is_ok(), "two had the same turn");
        (place + 1) % PLACES
    }
}

//! Members that are done, and could not lock the group to say so: whoever locks it next says it for them. In private memory there are
//! none: to wait for its mutex a thread needs no room and no name, and no signal ends that wait.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::primitive::AtomicU64;

use super::MAX_MEMBERS;
use super::state::Place;

/// One bit for each place.
#[repr(transparent)]
#[derive(Debug)]
pub(super) struct Leavers(AtomicU64);

const _: () = assert!(MAX_MEMBERS == u64::BITS as usize);

impl Leavers {
    /// Without anybody.
    #[cfg(not(multiproc_loom))]
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Without anybody.
    #[cfg(multiproc_loom)]
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds the one that has this place. What it did comes before.
    pub(super) fn add(&self, place: Place) {
        // Release: with the Acquire of `places`.
        self.0.fetch_or(1 << place, Release);
    }

    /// Takes one out, when its piece is finished.
    pub(super) fn remove(&self, place: Place) {
        // Relaxed: the caller has the mutex, and so has whoever gives the place to another.
        self.0.fetch_and(!(1 << place), Relaxed);
    }

    /// Who is there.
    #[inline(always)]
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + use<> {
        // Acquire: with the Release of `add`.
        let bits = self.0.load(Acquire);
        (0..if bits == 0 { 0 } else { MAX_MEMBERS }).filter(move |place| bits >> place & 1 != 0)
    }

    /// Whether the one that has this place is there.
    pub(super) fn has(&self, place: Place) -> bool {
        self.0.load(Acquire) >> place & 1 != 0
    }
}

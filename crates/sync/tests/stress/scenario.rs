//! How a primitive is put under stress, and what a worker's thread has in hand meanwhile.
#![allow(clippy::disallowed_types)] // counts beside the primitives, not the primitives

use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use crate::board::Record;
use crate::random::Random;

/// A primitive in shared memory, at which each worker has one thread.
///
/// To add one: a file in `scenarios/` with a type that implements this, and its line in `scenarios/mod.rs`.
pub(crate) trait Scenario: Sync {
    /// One operation. It must end by itself, whoever was killed, once each place has a worker again; a panic is what does not hold.
    fn operate(&self, seat: &mut Seat<'_>);

    /// What the dead at this place can have left that only somebody who knows of its death can mend. Called when the process has
    /// ended, before its successor begins. Whether anything was mended.
    fn bury(&self, _place: usize) -> bool {
        false
    }

    /// What has to be done from time to time while all is calm.
    fn maintain(&self) {}

    /// What must hold when all workers are gone: a panic is what does not. So many operations have been counted, and at most one more
    /// for each kill has taken place.
    fn check(&self, _operations: u64, _kills: u64) {}
}

/// A scenario with its name.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    pub(crate) scenario: &'static dyn Scenario,
}

/// A worker's thread at one primitive.
pub(crate) struct Seat<'a> {
    pub(crate) place: usize,
    pub(crate) random: Random,
    pub(crate) record: &'a Record,
}

impl Seat<'_> {
    /// Runs `call`; who is killed meanwhile was inside the primitive.
    pub(crate) fn inside<R>(&mut self, call: impl FnOnce(&mut Random) -> R) -> R {
        self.record.inside.store(1, SeqCst);
        let result = call(&mut self.random);
        self.record.inside.store(0, SeqCst);
        result
    }

    /// Something that a death has left was found and mended.
    pub(crate) fn recovered(&self) {
        self.record.recoveries.fetch_add(1, Relaxed);
    }
}

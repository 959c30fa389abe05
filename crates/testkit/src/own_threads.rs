//! The threads of this crate's own, and those of tests that wait for their turn: no leak.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sys;

static OWN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// The calling thread counts as this crate's own until this is dropped.
#[derive(Debug)]
pub(crate) struct Membership(u32);

impl Membership {
    pub(crate) fn of_this_thread() -> Self {
        let thread = sys::thread_id();
        own().insert(thread);
        Self(thread)
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        own().remove(&self.0);
    }
}

/// Whether the thread with this number is one.
pub(crate) fn includes(thread: u32) -> bool {
    own().contains(&thread)
}

fn own() -> MutexGuard<'static, BTreeSet<u32>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

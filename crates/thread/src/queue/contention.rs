//! What a thread does that has lost a word to another: on two cores it would otherwise take the word's cache line from the winner at once,
//! and both would pay for its way at each item. A little later, the winner has done several.

#[cfg(not(multiproc_loom))]
use std::sync::atomic::Ordering::Acquire;

use multiproc_sync::primitive::AtomicU64;

/// The exchanges that one operation has lost so far.
#[derive(Debug)]
pub(super) struct Contention {
    #[cfg(not(multiproc_loom))]
    backoff: crossbeam_utils::Backoff,
}

#[cfg(not(multiproc_loom))]
impl Contention {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { backoff: crossbeam_utils::Backoff::new() }
    }

    /// What `word` holds a little after an exchange of it has failed, the longer after it, the more have failed. What the exchange found
    /// there is older.
    pub(super) fn reload(&self, word: &AtomicU64, _found: u64) -> u64 {
        self.backoff.spin();
        // Acquire: as strong as the strongest of the exchanges where it fails.
        word.load(Acquire)
    }
}

/// In a model nobody waits: another load would be nothing but more orders to try.
#[cfg(multiproc_loom)]
impl Contention {
    pub(super) fn new() -> Self {
        Self {}
    }

    pub(super) fn reload(&self, _word: &AtomicU64, found: u64) -> u64 {
        found
    }
}

//! What is known of the guarded data: the bits of a lock's `state`, written by its owner alone.

/// A thread panicked with the guard.
pub(crate) const POISONED: u32 = 1;
/// A process died with the guard.
pub(crate) const INCONSISTENT: u32 = 2;
/// Given up for good.
pub(crate) const ABANDONED: u32 = 4;

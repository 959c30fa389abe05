//! What the models' semaphores and unowned locks guard: a number that one thread at a time may reach. `unsafe`: it is reached by
//! pointer, as the model checker watches it.
#![allow(unsafe_code)]

use crate::primitive::UnsafeCell;

/// How many have been there. The model checker fails the model if two reach it with no order between them.
pub(super) struct Visits(UnsafeCell<u32>);

// SAFETY: a model in which two threads reach the number at once fails before they do.
unsafe impl Sync for Visits {}

impl Visits {
    pub(super) fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    /// One more.
    pub(super) fn visit(&self) {
        // SAFETY: as for `Sync`.
        self.0.with_mut(|count| unsafe { *count += 1 });
    }

    /// How many were there.
    pub(super) fn count(&self) -> u32 {
        // SAFETY: as for `Sync`.
        self.0.with(|count| unsafe { *count })
    }
}

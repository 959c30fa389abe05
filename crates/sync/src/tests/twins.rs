//! What the models' reentrant mutexes guard: two numbers that are equal whenever nobody is at work on them, changed through a shared
//! reference. `unsafe`: they are reached by pointer, as the model checker watches them.
#![allow(unsafe_code)]

use crate::primitive::UnsafeCell;
use crate::primitive::model::step;
use crate::shm_safe::{Layout, ShmSafe};

#[repr(transparent)]
pub(super) struct Twins(UnsafeCell<[u32; 2]>);

// SAFETY: a model in which two threads reach the numbers at once fails before they do.
unsafe impl Sync for Twins {}

// SAFETY: numbers.
unsafe impl ShmSafe for Twins {
    const LAYOUT: Layout = Layout::named("Twins");
}

impl Twins {
    pub(super) fn new() -> Self {
        Self(UnsafeCell::new([0; 2]))
    }

    /// One more in both, with a point between at which a process can die.
    pub(super) fn increase(&self) {
        assert!(!self.are_torn(), "the lock gave torn data without a word");
        // SAFETY: as for `Sync`.
        self.0.with_mut(|twins| unsafe { (*twins)[0] += 1 });
        step();
        // SAFETY: as for `Sync`.
        self.0.with_mut(|twins| unsafe { (*twins)[1] += 1 });
    }

    pub(super) fn are_torn(&self) -> bool {
        // SAFETY: as for `Sync`.
        let [first, second] = self.0.with(|twins| unsafe { *twins });
        first != second
    }

    /// Makes them equal again.
    pub(super) fn mend(&self) {
        // SAFETY: as for `Sync`.
        self.0.with_mut(|twins| unsafe { (*twins)[1] = (*twins)[0] });
    }

    /// The first of them.
    pub(super) fn number(&self) -> u32 {
        // SAFETY: as for `Sync`.
        self.0.with(|twins| unsafe { (*twins)[0] })
    }
}

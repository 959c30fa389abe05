//! What the models look at that users do not. `unsafe`: reads behind the lock's back.
#![allow(unsafe_code)]

use super::RwLock;

impl<T: ?Sized, const READERS: usize> RwLock<T, READERS> {
    /// Whether who leaves a slot has to wake somebody.
    pub(crate) fn is_slept_for(&self) -> bool {
        self.slots.iter().any(|slot| slot.claim.is_marked())
    }

    /// Whether a writer that comes has to let others in first.
    pub(crate) fn keeps_out(&self) -> bool {
        self.door.turn.has_kept_out()
    }

    /// Whether readers need not queue.
    pub(crate) fn is_open(&self) -> bool {
        self.door.is_open()
    }
}

impl<const LEN: usize, const READERS: usize> RwLock<[u32; LEN], READERS> {
    /// Looks at the data as a system call does that another thread of a reader's process is in.
    pub(crate) fn look_behind_its_back(&self) -> u32 {
        // SAFETY: the model checker fails the model if anybody writes to the data.
        self.data.with(|data| unsafe { (*data).iter().sum() })
    }
}

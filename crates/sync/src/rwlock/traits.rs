//! What a lock for readers and writers is besides. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

use std::fmt;

use super::{RwLock, Slot};
use crate::LockError;
use crate::shm_safe::{Layout, PlaceError, Placement, ShmPlain, ShmSafe};

impl<T: Default, const READERS: usize> Default for RwLock<T, READERS> {
    fn default() -> Self {
        Self::with_readers(T::default())
    }
}

impl<T, const READERS: usize> From<T> for RwLock<T, READERS> {
    fn from(value: T) -> Self {
        Self::with_readers(value)
    }
}

/// Never waits.
impl<T: ?Sized + fmt::Debug, const READERS: usize> fmt::Debug for RwLock<T, READERS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) | Err(LockError::Poisoned(guard) | LockError::OwnerDied(guard)) => {
                shown.field("data", &&*guard);
            }
            Err(error) => {
                shown.field("data", &format_args!("<{error:?}>"));
            }
        }
        shown.field("poisoned", &self.is_poisoned()).finish_non_exhaustive()
    }
}

// SAFETY: `repr(C)`; every bit pattern of the door and of a slot is a state that the lock can deal with or wait out; what a guard gives
// `&mut` to holds no lock.
unsafe impl<T: ShmPlain, const READERS: usize> ShmSafe for RwLock<T, READERS> {
    const LAYOUT: Layout = Layout::named("multiproc_sync::RwLock/1").with_count(READERS).with::<T>();
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, _: &Placement) -> Result<(), PlaceError> {
        // Nobody has a guard any more.
        self.door = self.door.placed();
        self.slots.iter_mut().for_each(|slot| *slot = Slot::new());
        Ok(())
    }
}

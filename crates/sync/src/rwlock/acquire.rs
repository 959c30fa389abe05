//! How a guard is come by: at once, or by way of the door.

use super::slot::{Slot, Slots, may_be_elsewhere};
use super::{ABANDONED, INCONSISTENT, POISONED, RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::mutex::patience::{Patience, Request};
use crate::mutex::refused;
use crate::robust_semaphore::place_of;
use crate::watch;
use crate::{LockError, LockResult};

impl<T: ?Sized, const READERS: usize> RwLock<T, READERS> {
    fn slots(&self, name: u64) -> Slots<'_> {
        Slots { all: &self.slots, name }
    }

    #[inline(always)]
    #[cfg_attr(feature = "watch", track_caller)]
    pub(super) fn acquire_to_read(&self, patience: Patience<'_>) -> LockResult<RwLockReadGuard<'_, T>> {
        let request = patience.request().to_read();
        watch::asks(&self.door.head);
        let name = match self.door.name() {
            Ok(name) => name,
            Err(error) => return Err(LockError::Identity(error)),
        };
        let first = self.slots.get(place_of(name, READERS));
        let taken = first.filter(|slot| !may_be_elsewhere() && slot.take_first(name));
        let slot = match taken {
            Some(slot) if self.door.is_open() => slot,
            _ => self.read_slowly(taken, name, request)?,
        };
        watch::reading(&self.door.head, request.site);
        // Made in each branch: one for both would have to lie in memory.
        match self.door.state() {
            0 => Ok(RwLockReadGuard::new(&self.door, slot, &self.data, name)),
            state => warned(state, RwLockReadGuard::new(&self.door, slot, &self.data, name)),
        }
    }

    /// A slot for one who had `taken` the first, and the gate was shut; or had not.
    #[cold]
    fn read_slowly<G>(
        &self,
        taken: Option<&Slot>,
        name: u64,
        request: Request<'_>,
    ) -> Result<&Slot, LockError<G>> {
        if let Some(slot) = taken {
            self.door.give_back(slot, name);
        }
        let slot = self.door.read_slowly(self.slots(name), request);
        slot.map_err(|error| error.map(|never| match never {}))
    }

    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub(super) fn acquire_to_write(&self, patience: Patience<'_>) -> LockResult<RwLockWriteGuard<'_, T>> {
        let request = patience.request();
        watch::asks(&self.door.head);
        let name = self.door.name().map_err(LockError::Identity)?;
        let owner = self.door.write(self.slots(name), request).map_err(refused)?;
        watch::acquired(&self.door.head, watch::Access::Exclusive, request.site);
        match self.door.state() {
            0 => Ok(RwLockWriteGuard::new(&self.door, &self.slots, &self.data, owner)),
            state => warned(state, RwLockWriteGuard::new(&self.door, &self.slots, &self.data, owner)),
        }
    }
}

/// The result for a lock that is held, and whose state is not plain.
#[cold]
fn warned<G>(state: u32, guard: G) -> LockResult<G> {
    match state {
        state if state & ABANDONED != 0 => Err(LockError::Abandoned),
        state if state & INCONSISTENT != 0 => Err(LockError::OwnerDied(guard)),
        state if state & POISONED != 0 => Err(LockError::Poisoned(guard)),
        _ => Ok(guard),
    }
}

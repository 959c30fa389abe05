//! Our semaphores and our unowned lock, in a segment: they are the same in private memory.

use multiproc::shm::Shared;
use multiproc::sync::{self, BoundedSemaphore, Lock};

use crate::Result;
use crate::semaphores::Semaphore;

pub(crate) fn plain(permits: u32) -> Result<&'static sync::Semaphore> {
    Ok(Box::leak(Box::new(Shared::new(sync::Semaphore::new(permits))?)))
}

/// All of its permits free.
pub(crate) fn bounded(permits: u32) -> Result<&'static BoundedSemaphore> {
    Ok(Box::leak(Box::new(Shared::new(BoundedSemaphore::new(permits))?)))
}

/// Has one permit or none.
pub(crate) fn lock(permits: u32) -> Result<&'static Lock> {
    let lock: &Lock = Box::leak(Box::new(Shared::new(Lock::new())?));
    if permits == 0 {
        lock.acquire()?;
    }
    Ok(lock)
}

impl Semaphore for sync::Semaphore {
    #[inline(always)]
    fn acquire(&self) {
        self.acquire().expect("no signal ends a wait");
    }

    #[inline(always)]
    fn try_acquire(&self) -> bool {
        self.try_acquire().is_ok()
    }

    #[inline(always)]
    fn release(&self) {
        self.release(1).expect("there is room");
    }

    fn free(&self) -> u64 {
        self.available().into()
    }
}

impl Semaphore for BoundedSemaphore {
    #[inline(always)]
    fn acquire(&self) {
        self.acquire().expect("no signal ends a wait");
    }

    #[inline(always)]
    fn try_acquire(&self) -> bool {
        self.try_acquire().is_ok()
    }

    #[inline(always)]
    fn release(&self) {
        self.release(1).expect("it was acquired");
    }

    fn free(&self) -> u64 {
        self.available().into()
    }
}

impl Semaphore for Lock {
    #[inline(always)]
    fn acquire(&self) {
        self.acquire().expect("no signal ends a wait");
    }

    #[inline(always)]
    fn try_acquire(&self) -> bool {
        self.try_acquire().is_ok()
    }

    #[inline(always)]
    fn release(&self) {
        self.release().expect("it was acquired");
    }

    fn free(&self) -> u64 {
        u64::from(!self.is_locked())
    }
}

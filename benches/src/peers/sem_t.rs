//! libc's semaphore in memory that processes share. `unsafe`: it is C.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;

use nix::errno::Errno;

use crate::Result;
use crate::semaphores::Semaphore;
use crate::sys;

#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct SemT(UnsafeCell<libc::sem_t>);

// SAFETY: a semaphore is made for several threads.
unsafe impl Sync for SemT {}

pub(crate) fn shared(permits: u32) -> Result<&'static SemT> {
    let place = sys::map_shared(size_of::<SemT>())?.cast::<SemT>();
    // SAFETY: zeroed memory that is never unmapped, in which it is initialised where it stays; nobody knows of it before.
    unsafe {
        let semaphore = place.as_ref();
        Errno::result(libc::sem_init(semaphore.0.get(), 1, permits))?;
        Ok(semaphore)
    }
}

impl Semaphore for SemT {
    #[inline(always)]
    fn acquire(&self) {
        // SAFETY: initialised where it lies.
        let code = unsafe { libc::sem_wait(self.0.get()) };
        assert_eq!(code, 0, "no signal ends a wait");
    }

    #[inline(always)]
    fn release(&self) {
        // SAFETY: initialised where it lies.
        let code = unsafe { libc::sem_post(self.0.get()) };
        assert_eq!(code, 0, "there is room");
    }

    fn free(&self) -> u64 {
        let mut value = 0;
        // SAFETY: initialised where it lies; the value is written within the call.
        unsafe { libc::sem_getvalue(self.0.get(), &raw mut value) };
        value.try_into().unwrap_or(u64::MAX)
    }
}

//! libc's semaphore in memory that processes share. `unsafe`: it is C.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;

use nix::errno::Errno;

use crate::Result;
use crate::locks::Lock;
use crate::semaphores::Semaphore;
use crate::sys;

/// At the beginning of a page.
#[derive(Debug)]
#[repr(C)]
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

/// Its only permit around a number.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct AroundANumber {
    semaphore: SemT,
    number: UnsafeCell<u64>,
}

// SAFETY: the number is reached with the only permit.
unsafe impl Sync for AroundANumber {}

pub(crate) fn around_a_number() -> Result<&'static AroundANumber> {
    let place = sys::map_shared(size_of::<AroundANumber>())?.cast::<AroundANumber>();
    // SAFETY: zeroed memory that is never unmapped, in which it is initialised where it stays; nobody knows of it before.
    unsafe {
        let room = place.as_ref();
        Errno::result(libc::sem_init(room.semaphore.0.get(), 1, 1))?;
        Ok(room)
    }
}

impl AroundANumber {
    #[inline(always)]
    fn with<T>(&self, section: impl FnOnce(&mut u64) -> T) -> T {
        self.semaphore.acquire();
        // SAFETY: with the only permit.
        let result = section(unsafe { &mut *self.number.get() });
        self.semaphore.release();
        result
    }
}

impl Lock for AroundANumber {
    #[inline(always)]
    fn add_one(&self) {
        self.with(|number| *number += 1);
    }

    fn number(&self) -> u64 {
        self.with(|number| *number)
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
    fn try_acquire(&self) -> bool {
        // SAFETY: initialised where it lies.
        unsafe { libc::sem_trywait(self.0.get()) == 0 }
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

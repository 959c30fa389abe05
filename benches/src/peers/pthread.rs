//! libc's mutexes in memory that processes share: the plain kind and the robust one, and both of those that their owner may lock again. `unsafe`: they are C.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

use crate::Result;
use crate::locks::{Lock, Reentrant};
use crate::sys;

pub(crate) fn plain() -> Result<&'static Pthread> {
    Pthread::shared(libc::PTHREAD_MUTEX_NORMAL, libc::PTHREAD_MUTEX_STALLED)
}

pub(crate) fn robust() -> Result<&'static Pthread> {
    Pthread::shared(libc::PTHREAD_MUTEX_NORMAL, libc::PTHREAD_MUTEX_ROBUST)
}

pub(crate) fn recursive() -> Result<&'static Pthread> {
    Pthread::shared(libc::PTHREAD_MUTEX_RECURSIVE, libc::PTHREAD_MUTEX_STALLED)
}

pub(crate) fn recursive_robust() -> Result<&'static Pthread> {
    Pthread::shared(libc::PTHREAD_MUTEX_RECURSIVE, libc::PTHREAD_MUTEX_ROBUST)
}

#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Pthread {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    number: UnsafeCell<u64>,
}

// SAFETY: a pthread mutex is made for several threads, and the number is reached under it only.
unsafe impl Sync for Pthread {}

impl Pthread {
    fn shared(kind: libc::c_int, robustness: libc::c_int) -> Result<&'static Self> {
        let place = sys::map_shared(size_of::<Self>())?.cast::<Self>();
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are initialised before they are set and used; the mutex lies in zeroed memory that
        // is never unmapped, is initialised where it stays, and nobody knows of it before.
        unsafe {
            sys::check(libc::pthread_mutexattr_init(attributes))?;
            sys::check(libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED))?;
            sys::check(libc::pthread_mutexattr_settype(attributes, kind))?;
            sys::check(libc::pthread_mutexattr_setrobust(attributes, robustness))?;
            let lock = place.as_ref();
            sys::check(libc::pthread_mutex_init(lock.mutex.get(), attributes))?;
            Ok(lock)
        }
    }

    #[inline(always)]
    fn with<T>(&self, section: impl FnOnce(&mut u64) -> T) -> T {
        // SAFETY: the mutex was initialised where it lies; the number is reached between lock and unlock.
        unsafe {
            let locked = libc::pthread_mutex_lock(self.mutex.get());
            assert_eq!(locked, 0, "a pthread mutex cannot be locked");
            let result = section(&mut *self.number.get());
            libc::pthread_mutex_unlock(self.mutex.get());
            result
        }
    }
}

impl Lock for Pthread {
    #[inline(always)]
    fn add_one(&self) {
        self.with(|number| *number += 1);
    }

    fn number(&self) -> u64 {
        self.with(|number| *number)
    }
}

/// One of those that their owner may lock again.
impl Reentrant for Pthread {
    fn holding(&self, section: impl FnOnce()) {
        // SAFETY: the mutex was initialised where it lies.
        unsafe {
            let locked = libc::pthread_mutex_lock(self.mutex.get());
            assert_eq!(locked, 0, "a pthread mutex cannot be locked");
            section();
            libc::pthread_mutex_unlock(self.mutex.get());
        }
    }
}

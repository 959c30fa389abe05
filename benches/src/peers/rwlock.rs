//! The locks for readers and writers that one would use else: std's, parking_lot's, libc's in memory that processes share, which is lost
//! when one dies with it. `unsafe`: libc's is C.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::hint::black_box;
use std::mem::MaybeUninit;

use crate::Result;
use crate::groups::agree;
use crate::locks::{Lock, ReadLock};
use crate::sys;

/// On a cache line of its own, as every lock here.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Line<L>(L);

pub(crate) fn std() -> Result<&'static Line<std::sync::RwLock<u64>>> {
    Ok(Box::leak(Box::default()))
}

pub(crate) fn parking_lot() -> Result<&'static Line<parking_lot::RwLock<u64>>> {
    Ok(Box::leak(Box::default()))
}

impl Lock for Line<std::sync::RwLock<u64>> {
    #[inline(always)]
    fn add_one(&self) {
        *self.0.write().expect("nobody panics under this lock") += 1;
    }

    fn number(&self) -> u64 {
        self.read_one()
    }
}

impl ReadLock for Line<std::sync::RwLock<u64>> {
    #[inline(always)]
    fn read_one(&self) -> u64 {
        *self.0.read().expect("nobody panics under this lock")
    }
}

impl Lock for Line<parking_lot::RwLock<u64>> {
    #[inline(always)]
    fn add_one(&self) {
        *self.0.write() += 1;
    }

    fn number(&self) -> u64 {
        self.read_one()
    }
}

impl ReadLock for Line<parking_lot::RwLock<u64>> {
    #[inline(always)]
    fn read_one(&self) -> u64 {
        *self.0.read()
    }
}

#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Pthread {
    lock: UnsafeCell<libc::pthread_rwlock_t>,
    number: UnsafeCell<u64>,
}

// SAFETY: a pthread lock is made for several threads, and the number is reached under it only.
unsafe impl Sync for Pthread {}

pub(crate) fn pthread() -> Result<&'static Pthread> {
    let place = sys::map_shared(size_of::<Pthread>())?.cast::<Pthread>();
    let mut attributes = MaybeUninit::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: the attributes are initialised before they are set and used; the lock lies in zeroed memory that is never unmapped, is
    // initialised where it stays, and nobody knows of it before.
    unsafe {
        sys::check(libc::pthread_rwlockattr_init(attributes))?;
        sys::check(libc::pthread_rwlockattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED))?;
        let lock = place.as_ref();
        sys::check(libc::pthread_rwlock_init(lock.lock.get(), attributes))?;
        Ok(lock)
    }
}

impl Lock for Pthread {
    #[inline(always)]
    fn add_one(&self) {
        // SAFETY: the lock was initialised where it lies; the number is reached between lock and unlock, by its one writer.
        unsafe {
            assert_eq!(libc::pthread_rwlock_wrlock(self.lock.get()), 0, "it cannot be locked");
            *self.number.get() += 1;
            libc::pthread_rwlock_unlock(self.lock.get());
        }
    }

    fn number(&self) -> u64 {
        self.read_one()
    }
}

impl ReadLock for Pthread {
    #[inline(always)]
    fn read_one(&self) -> u64 {
        // SAFETY: as in `add_one`; who reads writes nothing.
        unsafe {
            assert_eq!(libc::pthread_rwlock_rdlock(self.lock.get()), 0, "it cannot be locked");
            let number = *self.number.get();
            libc::pthread_rwlock_unlock(self.lock.get());
            number
        }
    }
}

/// A lock that is read where another one adds: its number was written once before.
#[derive(Debug)]
pub(crate) struct Reading<L: 'static>(&'static L);

/// What the number is.
const WRITTEN: u64 = 1;

pub(crate) fn reading<L: ReadLock>(lock: Result<&'static L>) -> Result<&'static Reading<L>> {
    let lock = lock?;
    lock.add_one();
    Ok(Box::leak(Box::new(Reading(lock))))
}

impl<L: ReadLock> Lock for Reading<L> {
    #[inline(always)]
    fn add_one(&self) {
        black_box(self.0.read_one());
    }

    fn number(&self) -> u64 {
        self.0.read_one()
    }

    fn agrees(&self, _: u64) -> Result<()> {
        agree(self.number(), WRITTEN)
    }
}

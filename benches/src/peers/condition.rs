//! The condition variables of std and of parking_lot between threads, and libc's, between processes too. `unsafe`: the latter
//! is C.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

use crate::Result;
use crate::handoff::Turns;
use crate::notify::Notify;
use crate::sys;

/// Whose turn it is, and word of its change.
#[derive(Debug, Default)]
pub(crate) struct Std(std::sync::Mutex<u64>, std::sync::Condvar);

pub(crate) fn std() -> Result<&'static Std> {
    Ok(Box::leak(Box::default()))
}

impl Notify for Std {
    #[inline(always)]
    fn notify(&self) {
        self.1.notify_one();
    }
}

impl Turns for Std {
    fn take(&self, side: u64) {
        let number = self.0.lock().expect("nobody panics here");
        let mut number = self.1.wait_while(number, |n| *n % 2 != side).expect("nobody panics here");
        *number += 1;
        drop(number);
        self.1.notify_one();
    }
}

/// Whose turn it is, and word of its change.
#[derive(Debug, Default)]
pub(crate) struct ParkingLot(parking_lot::Mutex<u64>, parking_lot::Condvar);

pub(crate) fn parking_lot() -> Result<&'static ParkingLot> {
    Ok(Box::leak(Box::default()))
}

impl Notify for ParkingLot {
    #[inline(always)]
    fn notify(&self) {
        self.1.notify_one();
    }
}

impl Turns for ParkingLot {
    fn take(&self, side: u64) {
        let mut number = self.0.lock();
        self.1.wait_while(&mut number, |n| *n % 2 != side);
        *number += 1;
        drop(number);
        self.1.notify_one();
    }
}

/// libc's mutex and condition variable in memory that processes share.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Pthread {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    condition: UnsafeCell<libc::pthread_cond_t>,
    number: UnsafeCell<u64>,
}

// SAFETY: mutex and condition are made for several threads, and the number is reached under the mutex only.
unsafe impl Sync for Pthread {}

pub(crate) fn pthread() -> Result<&'static Pthread> {
    let place = sys::map_shared(size_of::<Pthread>())?.cast::<Pthread>();
    let (mut of_mutex, mut of_condition) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    let (of_mutex, of_condition) = (of_mutex.as_mut_ptr(), of_condition.as_mut_ptr());
    // SAFETY: the attributes are initialised before they are set and used; both objects lie in zeroed memory that is never
    // unmapped, are initialised where they stay, and nobody knows of them before.
    unsafe {
        sys::check(libc::pthread_mutexattr_init(of_mutex))?;
        sys::check(libc::pthread_mutexattr_setpshared(of_mutex, libc::PTHREAD_PROCESS_SHARED))?;
        sys::check(libc::pthread_condattr_init(of_condition))?;
        sys::check(libc::pthread_condattr_setpshared(of_condition, libc::PTHREAD_PROCESS_SHARED))?;
        let made = place.as_ref();
        sys::check(libc::pthread_mutex_init(made.mutex.get(), of_mutex))?;
        sys::check(libc::pthread_cond_init(made.condition.get(), of_condition))?;
        Ok(made)
    }
}

impl Pthread {
    /// Waits until the number is `ready`, and has `section` change it under the same lock.
    #[inline(always)]
    pub(crate) fn when<T>(&self, ready: impl Fn(u64) -> bool, section: impl FnOnce(&mut u64) -> T) -> T {
        // SAFETY: both were initialised where they lie; the number is reached between lock and unlock.
        unsafe {
            let locked = libc::pthread_mutex_lock(self.mutex.get());
            assert_eq!(locked, 0, "a pthread mutex cannot be locked");
            while !ready(self.number.get().read()) {
                libc::pthread_cond_wait(self.condition.get(), self.mutex.get());
            }
            let result = section(&mut *self.number.get());
            libc::pthread_mutex_unlock(self.mutex.get());
            result
        }
    }

    pub(crate) fn notify_all(&self) {
        // SAFETY: the condition was initialised where it lies.
        unsafe { libc::pthread_cond_broadcast(self.condition.get()) };
    }
}

impl Notify for Pthread {
    #[inline(always)]
    fn notify(&self) {
        // SAFETY: the condition was initialised where it lies.
        unsafe { libc::pthread_cond_signal(self.condition.get()) };
    }
}

impl Turns for Pthread {
    fn take(&self, side: u64) {
        self.when(|number| number % 2 == side, |number| *number += 1);
        self.notify();
    }
}

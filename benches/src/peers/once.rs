//! Values that are made once, as one makes them otherwise: std's cell; parking_lot's and libc's call, beside a number; and between
//! processes a number and libc's mutex. `unsafe`: the latter two are C.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cells::Disposable;
use crate::onces::{Once, VALUE};

impl Disposable for OnceLock<u64> {
    fn new() -> Self {
        Self::new()
    }
}

impl Once for OnceLock<u64> {
    #[inline(always)]
    fn get(&self) -> u64 {
        *self.get_or_init(|| VALUE)
    }

    #[inline(always)]
    fn look(&self) -> u64 {
        *self.get().expect("it was made")
    }
}

/// parking_lot's, beside what it makes.
#[derive(Debug)]
pub(crate) struct ParkingLot(parking_lot::Once, AtomicU64);

impl Disposable for ParkingLot {
    fn new() -> Self {
        Self(parking_lot::Once::new(), AtomicU64::new(0))
    }
}

impl Once for ParkingLot {
    #[inline(always)]
    fn get(&self) -> u64 {
        self.0.call_once(|| self.1.store(VALUE, Ordering::Relaxed));
        self.1.load(Ordering::Relaxed)
    }
}

/// libc's, of one process. What it calls gets no argument, so what that makes is common to all.
#[derive(Debug)]
pub(crate) struct Pthread(UnsafeCell<libc::c_int>);

unsafe extern "C" {
    // `pthread_once_t` is an `int` on Linux, 0 at first. The crate libc has it not.
    fn pthread_once(control: *mut libc::c_int, routine: extern "C" fn()) -> libc::c_int;
}

static MADE: AtomicU64 = AtomicU64::new(0);

extern "C" fn make() {
    MADE.store(VALUE, Ordering::Relaxed);
}

// SAFETY: it is made for several threads.
unsafe impl Sync for Pthread {}

impl Disposable for Pthread {
    fn new() -> Self {
        Self(UnsafeCell::new(0))
    }
}

impl Once for Pthread {
    #[inline(always)]
    fn get(&self) -> u64 {
        // SAFETY: a control word of libc's, initialised, which stays where it is while it is in use; the routine does not unwind.
        unsafe { pthread_once(self.0.get(), make) };
        MADE.load(Ordering::Relaxed)
    }
}

/// A number that is looked at twice, the second time under libc's mutex for processes; 0: not yet made.
#[derive(Debug)]
pub(crate) struct Checked {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    value: AtomicU64,
}

// SAFETY: the mutex is made for several threads.
unsafe impl Sync for Checked {}

impl Disposable for Checked {
    fn new() -> Self {
        Self { mutex: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER), value: AtomicU64::new(0) }
    }

    fn place(&mut self) {
        let mut attributes = MaybeUninit::uninit();
        let attributes = attributes.as_mut_ptr();
        // SAFETY: the attributes are initialised before they are set and used; the mutex is initialised where it stays, and nobody else
        // reaches it.
        let failed = unsafe {
            libc::pthread_mutexattr_init(attributes)
                | libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED)
                | libc::pthread_mutex_init(self.mutex.get(), attributes)
        };
        assert_eq!(failed, 0, "a mutex for processes cannot be made");
    }
}

impl Once for Checked {
    #[inline(always)]
    fn get(&self) -> u64 {
        match self.value.load(Ordering::Acquire) {
            0 => self.get_slowly(),
            value => value,
        }
    }
}

impl Checked {
    #[cold]
    fn get_slowly(&self) -> u64 {
        // SAFETY: initialised where it lies; unlocked by the thread that has locked it.
        unsafe {
            assert_eq!(libc::pthread_mutex_lock(self.mutex.get()), 0, "a pthread mutex cannot be locked");
            if self.value.load(Ordering::Relaxed) == 0 {
                self.value.store(VALUE, Ordering::Release);
            }
            libc::pthread_mutex_unlock(self.mutex.get());
        }
        VALUE
    }
}

//! Latches as one makes them oneself, of std's, parking_lot's and libc's mutexes and condition variables; those of the crate `latches`;
//! and the floor. `unsafe`: libc's are C.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::crews::Grows;
use crate::latches::Latch;
use crate::sys::{self, Reach};

/// How many are left, and word of the last one.
#[derive(Debug)]
pub(crate) struct Counter<M, C> {
    left: M,
    opened: C,
}

pub(crate) type Std = Counter<std::sync::Mutex<u32>, std::sync::Condvar>;
pub(crate) type ParkingLot = Counter<parking_lot::Mutex<u32>, parking_lot::Condvar>;

impl Latch for Std {
    fn new(count: u32) -> Self {
        Self { left: std::sync::Mutex::new(count), opened: std::sync::Condvar::new() }
    }

    #[inline(always)]
    fn count_down(&self) {
        let mut left = self.left.lock().expect("nobody panics under this lock");
        *left -= 1;
        if *left == 0 {
            drop(left);
            self.opened.notify_all();
        }
    }

    #[inline(always)]
    fn wait(&self) {
        let left = self.left.lock().expect("nobody panics under this lock");
        drop(self.opened.wait_while(left, |left| *left != 0).expect("nobody panics under this lock"));
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        *self.left.lock().expect("nobody panics under this lock") == 0
    }
}

impl Latch for ParkingLot {
    fn new(count: u32) -> Self {
        Self { left: parking_lot::Mutex::new(count), opened: parking_lot::Condvar::new() }
    }

    #[inline(always)]
    fn count_down(&self) {
        let mut left = self.left.lock();
        *left -= 1;
        if *left == 0 {
            drop(left);
            self.opened.notify_all();
        }
    }

    #[inline(always)]
    fn wait(&self) {
        self.opened.wait_while(&mut self.left.lock(), |left| *left != 0);
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        *self.left.lock() == 0
    }
}

/// libc's, fit for processes once it is placed.
#[derive(Debug)]
pub(crate) struct Pthread {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
    opened: UnsafeCell<libc::pthread_cond_t>,
    left: UnsafeCell<u32>,
}

// SAFETY: mutex and condition are made for several threads, and the number is reached under the mutex only.
unsafe impl Sync for Pthread {}

impl Pthread {
    #[inline(always)]
    fn with<T>(&self, section: impl FnOnce(*mut u32) -> T) -> T {
        // SAFETY: the mutex was initialised where it lies; unlocked by the thread that has locked it.
        unsafe {
            assert_eq!(libc::pthread_mutex_lock(self.mutex.get()), 0, "a pthread mutex cannot be locked");
            let result = section(self.left.get());
            libc::pthread_mutex_unlock(self.mutex.get());
            result
        }
    }
}

impl Latch for Pthread {
    fn new(count: u32) -> Self {
        Self {
            mutex: UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER),
            opened: UnsafeCell::new(libc::PTHREAD_COND_INITIALIZER),
            left: UnsafeCell::new(count),
        }
    }

    fn place(&mut self) {
        let (mut of_mutex, mut of_condition) = (MaybeUninit::uninit(), MaybeUninit::uninit());
        let (of_mutex, of_condition) = (of_mutex.as_mut_ptr(), of_condition.as_mut_ptr());
        // SAFETY: the attributes are initialised before they are set and used; mutex and condition are initialised where they stay, and
        // nobody else reaches them.
        let failed = unsafe {
            libc::pthread_mutexattr_init(of_mutex)
                | libc::pthread_mutexattr_setpshared(of_mutex, libc::PTHREAD_PROCESS_SHARED)
                | libc::pthread_mutex_init(self.mutex.get(), of_mutex)
                | libc::pthread_condattr_init(of_condition)
                | libc::pthread_condattr_setpshared(of_condition, libc::PTHREAD_PROCESS_SHARED)
                | libc::pthread_cond_init(self.opened.get(), of_condition)
        };
        assert_eq!(failed, 0, "a latch for processes cannot be made");
    }

    #[inline(always)]
    fn count_down(&self) {
        // SAFETY: under the mutex.
        let is_last = self.with(|left| unsafe {
            *left -= 1;
            *left == 0
        });
        if is_last {
            // SAFETY: the condition was initialised where it lies.
            unsafe { libc::pthread_cond_broadcast(self.opened.get()) };
        }
    }

    #[inline(always)]
    fn wait(&self) {
        // SAFETY: the number is read under the mutex, which the wait gives away and takes again; both were initialised where they lie.
        self.with(|left| unsafe {
            while left.read_volatile() != 0 {
                libc::pthread_cond_wait(self.opened.get(), self.mutex.get());
            }
        });
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        // SAFETY: under the mutex.
        self.with(|left| unsafe { *left == 0 })
    }
}

impl Grows for Std {
    #[inline(always)]
    fn add_one(&self) {
        *self.left.lock().expect("nobody panics under this lock") += 1;
    }
}

impl Grows for ParkingLot {
    #[inline(always)]
    fn add_one(&self) {
        *self.left.lock() += 1;
    }
}

impl Grows for Pthread {
    #[inline(always)]
    fn add_one(&self) {
        // SAFETY: under the mutex.
        self.with(|left| unsafe { *left += 1 });
    }
}

impl Latch for ::latches::sync::Latch {
    fn new(count: u32) -> Self {
        Self::new(count as usize)
    }

    #[inline(always)]
    fn count_down(&self) {
        self.count_down();
    }

    #[inline(always)]
    fn wait(&self) {
        self.wait();
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        self.try_wait().is_ok()
    }
}

impl Latch for ::latches::futex::Latch {
    fn new(count: u32) -> Self {
        Self::new(count)
    }

    #[inline(always)]
    fn count_down(&self) {
        self.count_down();
    }

    #[inline(always)]
    fn wait(&self) {
        self.wait();
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        self.try_wait().is_ok()
    }
}

/// Somebody sleeps.
const SLEPT_ON: u32 = 1 << 31;

/// The floor: a futex word, no spinning, no look whether too many count, one waiter. `SHARED`: between processes.
#[derive(Debug)]
pub(crate) struct Floor<const SHARED: bool>(AtomicU32);

impl<const SHARED: bool> Floor<SHARED> {
    const REACH: Reach = if SHARED { Reach::Processes } else { Reach::Threads };
}

impl<const SHARED: bool> Latch for Floor<SHARED> {
    fn new(count: u32) -> Self {
        Self(AtomicU32::new(count))
    }

    #[inline(always)]
    fn count_down(&self) {
        // Release: with the Acquires below.
        if self.0.fetch_sub(1, Ordering::Release) == SLEPT_ON | 1 {
            sys::futex_wake_one(&self.0, Self::REACH);
        }
    }

    #[inline(always)]
    fn wait(&self) {
        while !self.is_open() {
            let left = self.0.fetch_or(SLEPT_ON, Ordering::Acquire) & !SLEPT_ON;
            if left != 0 {
                sys::futex_wait(&self.0, SLEPT_ON | left, Self::REACH);
            }
        }
    }

    #[inline(always)]
    fn is_open(&self) -> bool {
        self.0.load(Ordering::Acquire) & !SLEPT_ON == 0
    }
}

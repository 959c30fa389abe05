//! The floor of a mutex: a futex word with three states and nothing else. No owner, no poison, no death. `unsafe`: the
//! number lies in a cell.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::hint;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Result;
use crate::locks::Lock;
use crate::sys::{self, Reach};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep.
const CONTENDED: u32 = 2;

/// Looks at the word before one sleeps, as std does.
const SPINS: u32 = 100;

pub(crate) fn between_threads() -> Result<&'static Floor<false>> {
    Ok(Box::leak(Box::new(Floor::default())))
}

pub(crate) fn between_processes() -> Result<&'static Floor<true>> {
    sys::leak_shared(Floor::default())
}

/// `SHARED`: between processes.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Floor<const SHARED: bool> {
    word: Word<SHARED>,
    number: UnsafeCell<u64>,
}

// SAFETY: the number is reached under the lock only.
unsafe impl<const SHARED: bool> Sync for Floor<SHARED> {}

impl<const SHARED: bool> Lock for Floor<SHARED> {
    #[inline(always)]
    fn add_one(&self) {
        self.word.lock();
        // SAFETY: the lock is held.
        unsafe { *self.number.get() += 1 };
        self.word.unlock();
    }

    fn number(&self) -> u64 {
        self.word.lock();
        // SAFETY: the lock is held.
        let number = unsafe { *self.number.get() };
        self.word.unlock();
        number
    }
}

/// The lock itself.
#[derive(Debug, Default)]
pub(crate) struct Word<const SHARED: bool>(AtomicU32);

impl<const SHARED: bool> Word<SHARED> {
    const REACH: Reach = if SHARED { Reach::Processes } else { Reach::Threads };

    #[inline(always)]
    pub(crate) fn lock(&self) {
        if self.0.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.wait();
        }
    }

    #[inline(always)]
    pub(crate) fn unlock(&self) {
        if self.0.swap(FREE, Ordering::Release) == CONTENDED {
            self.wake();
        }
    }

    #[cold]
    fn wait(&self) {
        for _ in 0..SPINS {
            match self.0.load(Ordering::Relaxed) {
                FREE => {
                    if self.0.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                        return;
                    }
                }
                CONTENDED => break,
                _ => hint::spin_loop(),
            }
        }
        while self.0.swap(CONTENDED, Ordering::Acquire) != FREE {
            sys::futex_wait(&self.0, CONTENDED, Self::REACH);
        }
    }

    #[cold]
    fn wake(&self) {
        sys::futex_wake_one(&self.0, Self::REACH);
    }
}

//! The floor of an event: a futex word, no spinning, no count, one waiter.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::Result;
use crate::flags::Look;
use crate::handoff::Token;
use crate::sys::{self, Reach};

const CLEAR: u32 = 0;
const SLEPT_ON: u32 = 1;
const SET: u32 = 2;

/// `SHARED`: between processes.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Floor<const SHARED: bool>(AtomicU32);

pub(crate) fn between_threads() -> Result<&'static Floor<false>> {
    Ok(Box::leak(Box::default()))
}

pub(crate) fn pair_between_threads() -> Result<[&'static Floor<false>; 2]> {
    Ok([between_threads()?, between_threads()?])
}

pub(crate) fn between_processes() -> Result<&'static Floor<true>> {
    sys::leak_shared(Floor::default())
}

pub(crate) fn pair_between_processes() -> Result<[&'static Floor<true>; 2]> {
    Ok([between_processes()?, between_processes()?])
}

impl<const SHARED: bool> Floor<SHARED> {
    const REACH: Reach = if SHARED { Reach::Processes } else { Reach::Threads };
}

impl<const SHARED: bool> Token for Floor<SHARED> {
    #[inline(always)]
    fn give(&self) {
        if self.0.swap(SET, Ordering::Release) == SLEPT_ON {
            sys::futex_wake_one(&self.0, Self::REACH);
        }
    }

    #[inline(always)]
    fn take(&self) {
        while self.0.compare_exchange(SET, CLEAR, Ordering::Acquire, Ordering::Relaxed).is_err() {
            match self.0.compare_exchange(CLEAR, SLEPT_ON, Ordering::Relaxed, Ordering::Relaxed) {
                Err(SET) => {}
                _ => sys::futex_wait(&self.0, SLEPT_ON, Self::REACH),
            }
        }
    }
}

impl<const SHARED: bool> Look for Floor<SHARED> {
    #[inline(always)]
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire) == SET
    }
}

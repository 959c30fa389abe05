//! The mutexes that Rust programs use between threads: std's and parking_lot's.

use std::cell::Cell;

use crate::Result;
use crate::locks::{Lock, Reentrant};

/// On a cache line of its own, as every lock here.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Line<M>(M);

pub(crate) fn std() -> Result<&'static Line<std::sync::Mutex<u64>>> {
    Ok(Box::leak(Box::default()))
}

pub(crate) fn parking_lot() -> Result<&'static Line<parking_lot::Mutex<u64>>> {
    Ok(Box::leak(Box::default()))
}

pub(crate) fn parking_lot_reentrant() -> Result<&'static Line<parking_lot::ReentrantMutex<Cell<u64>>>> {
    Ok(Box::leak(Box::default()))
}

impl Lock for Line<std::sync::Mutex<u64>> {
    #[inline(always)]
    fn add_one(&self) {
        *self.0.lock().expect("nobody panics under this lock") += 1;
    }

    fn number(&self) -> u64 {
        *self.0.lock().expect("nobody panics under this lock")
    }
}

impl Lock for Line<parking_lot::Mutex<u64>> {
    #[inline(always)]
    fn add_one(&self) {
        *self.0.lock() += 1;
    }

    fn number(&self) -> u64 {
        *self.0.lock()
    }
}

impl Lock for Line<parking_lot::ReentrantMutex<Cell<u64>>> {
    #[inline(always)]
    fn add_one(&self) {
        let number = self.0.lock();
        number.set(number.get() + 1);
    }

    fn number(&self) -> u64 {
        self.0.lock().get()
    }
}

impl Reentrant for Line<parking_lot::ReentrantMutex<Cell<u64>>> {
    fn holding(&self, section: impl FnOnce()) {
        let _guard = self.0.lock();
        section();
    }
}

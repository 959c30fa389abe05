//! The mutexes that Rust programs use between threads: std's and parking_lot's.

use crate::Result;
use crate::locks::Lock;

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

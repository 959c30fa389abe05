//! Our mutex: between threads as it is, between processes in a segment.

use multiproc::shm::Shared;
use multiproc::sync::Mutex;

use crate::Result;
use crate::locks::Lock;

/// On a cache line of its own, as every lock here; in a segment it is so by itself.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Line(Mutex<u64>);

pub(crate) fn private() -> Result<&'static Line> {
    Ok(Box::leak(Box::new(Line(Mutex::new(0)))))
}

pub(crate) fn robust() -> Result<&'static Mutex<u64>> {
    Ok(Box::leak(Box::new(Shared::new(Mutex::new(0))?)))
}

/// The name of those that have one: nothing without the features that ask for names.
const NAME: &str = "counted";

pub(crate) fn private_named() -> Result<&'static Line> {
    let line = private()?;
    line.0.set_name(NAME)?;
    Ok(line)
}

pub(crate) fn robust_named() -> Result<&'static Mutex<u64>> {
    let mutex = robust()?;
    mutex.set_name(NAME)?;
    Ok(mutex)
}

impl Lock for Mutex<u64> {
    #[inline(always)]
    fn add_one(&self) {
        *self.lock().expect("nobody panics or dies under this lock") += 1;
    }

    fn number(&self) -> u64 {
        *self.lock().expect("nobody panics or dies under this lock")
    }
}

impl Lock for Line {
    #[inline(always)]
    fn add_one(&self) {
        self.0.add_one();
    }

    fn number(&self) -> u64 {
        self.0.number()
    }
}

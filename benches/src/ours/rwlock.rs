//! Our lock for readers and writers: between threads as it is, between processes in a segment.

use multiproc::shm::Shared;
use multiproc::sync::RwLock;

use crate::Result;
use crate::locks::{Lock, ReadLock};

pub(crate) fn private() -> Result<&'static RwLock<u64>> {
    Ok(Box::leak(Box::new(RwLock::new(0))))
}

pub(crate) fn robust() -> Result<&'static RwLock<u64>> {
    robust_with()
}

pub(crate) fn robust_with<const READERS: usize>() -> Result<&'static RwLock<u64, READERS>> {
    Ok(Box::leak(Box::new(Shared::new(RwLock::with_readers(0))?)))
}

impl<const READERS: usize> Lock for RwLock<u64, READERS> {
    #[inline(always)]
    fn add_one(&self) {
        *self.write().expect("nobody panics or dies under this lock") += 1;
    }

    fn number(&self) -> u64 {
        *self.read().expect("nobody panics or dies under this lock")
    }
}

impl<const READERS: usize> ReadLock for RwLock<u64, READERS> {
    #[inline(always)]
    fn read_one(&self) -> u64 {
        *self.read().expect("nobody panics or dies under this lock")
    }
}

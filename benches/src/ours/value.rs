//! A value that no death tears, beside the same number behind a mutex, as it is and in two copies.

use multiproc::shm::{Journaled, Shared, SharedValue};
use multiproc::sync::Mutex;

use crate::Result;
use crate::locks::Lock;

pub(crate) fn shared() -> Result<&'static SharedValue<u64>> {
    Ok(Box::leak(Box::new(SharedValue::new(0)?)))
}

pub(crate) fn journaled() -> Result<&'static Mutex<Journaled<u64>>> {
    Ok(Box::leak(Box::new(Shared::new(Mutex::new(Journaled::new(0)))?)))
}

impl Lock for SharedValue<u64> {
    #[inline(always)]
    fn add_one(&self) {
        self.update(|number| *number += 1).expect("the lock is to be had");
    }

    fn number(&self) -> u64 {
        self.get().expect("the lock is to be had")
    }
}

impl Lock for Mutex<Journaled<u64>> {
    #[inline(always)]
    fn add_one(&self) {
        self.lock().expect("nobody panics or dies under this lock").update(|number| *number += 1);
    }

    fn number(&self) -> u64 {
        *self.lock().expect("nobody panics or dies under this lock").get()
    }
}

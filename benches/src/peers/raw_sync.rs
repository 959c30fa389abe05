//! raw_sync's mutex: a pthread mutex in the caller's memory, behind a trait object. `unsafe`: its memory is the
//! caller's business.
#![allow(unsafe_code)]

use raw_sync::locks::{LockImpl, LockInit, Mutex};

use crate::Result;
use crate::locks::Lock;
use crate::sys;

/// Where the number lies, behind the lock and on its cache line.
const NUMBER: usize = 48;

pub(crate) struct RawSync {
    lock: Box<dyn LockImpl>,
}

// SAFETY: what it points to is a pthread mutex and a number that is reached under it only; both lie in shared memory
// that is never unmapped.
unsafe impl Send for RawSync {}
// SAFETY: as above.
unsafe impl Sync for RawSync {}

pub(crate) fn shared() -> Result<&'static RawSync> {
    let place = sys::map_shared(NUMBER + size_of::<u64>())?;
    // SAFETY: a pthread mutex fits in front of the number, as is checked next; nobody else knows of the memory.
    let (lock, length) = unsafe { Mutex::new(place.as_ptr(), place.as_ptr().add(NUMBER)) }
        .map_err(|error| error.to_string())?;
    if length > NUMBER {
        return Err(format!("its lock takes {length} bytes, which is more than {NUMBER}").into());
    }
    Ok(Box::leak(Box::new(RawSync { lock })))
}

impl RawSync {
    #[inline(always)]
    fn with<T>(&self, section: impl FnOnce(&mut u64) -> T) -> T {
        let guard = self.lock.lock().unwrap_or_else(|error| panic!("raw_sync cannot lock: {error}"));
        // SAFETY: the guard is held; it leads to the number, which is aligned.
        section(unsafe { &mut *guard.cast::<u64>() })
    }
}

impl Lock for RawSync {
    #[inline(always)]
    fn add_one(&self) {
        self.with(|number| *number += 1);
    }

    fn number(&self) -> u64 {
        self.with(|number| *number)
    }
}

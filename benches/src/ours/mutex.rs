//! Our mutex: between threads as it is, between processes where it is placed in shared memory. `unsafe`: placing it
//! there is a promise about that memory.
#![allow(unsafe_code)]

use std::sync::OnceLock;

use multiproc_sync::Mutex;
use multiproc_sync::registry::{self, Registry};
use multiproc_sync::shm_safe::{Placement, ShmSafe};

use crate::Result;
use crate::locks::Lock;
use crate::sys;

/// On a cache line of its own, as every lock here.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Line(Mutex<u64>);

impl Line {
    const fn zero() -> Self {
        Self(Mutex::new(0))
    }
}

pub(crate) fn private() -> Result<&'static Line> {
    Ok(Box::leak(Box::new(Line::zero())))
}

pub(crate) fn robust() -> Result<&'static Line> {
    have_registry()?;
    let place = sys::map_shared(size_of::<Line>())?.cast::<Line>();
    // SAFETY: the mapping is shared, long enough, aligned to a page, and never unmapped; nobody else knows of it before
    // the lock is placed, and it stays at this address.
    unsafe {
        place.write(Line::zero());
        (*place.as_ptr()).0.place(&Placement::new()?)?;
        Ok(place.as_ref())
    }
}

/// The names of the owners, in memory that forked processes share.
fn have_registry() -> Result<()> {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    if registry::installed().is_some() {
        return Ok(());
    }
    let memory = sys::map_shared(Registry::LEN)?;
    // SAFETY: the mapping is shared, zeroed, as long as it must be, never unmapped, and nobody else knows of it.
    let made = unsafe { Registry::format(memory, Registry::LEN) }?;
    registry::install(REGISTRY.get_or_init(|| made))?;
    Ok(())
}

impl Lock for Line {
    #[inline]
    fn add_one(&self) {
        *self.0.lock().expect("nobody panics or dies under this lock") += 1;
    }

    fn number(&self) -> u64 {
        *self.0.lock().expect("nobody panics or dies under this lock")
    }
}

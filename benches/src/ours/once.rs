//! Our cell for a value that is made once: between threads as it is, between processes placed in memory that forks share. `unsafe`:
//! it is placed by hand, as only so it can be emptied again.
#![allow(unsafe_code)]

use multiproc::shm::Shared;
use multiproc::sync::shm_safe::{Placement, ShmSafe};
use multiproc::sync::{Mutex, OnceLock};

use crate::Result;
use crate::cells::Disposable;
use crate::onces::{Once, VALUE};

/// Of the threads of a process.
#[derive(Debug)]
pub(crate) struct Private(OnceLock<u64>);

/// Of the processes of a family.
#[derive(Debug)]
pub(crate) struct Robust(OnceLock<u64>);

impl Disposable for Private {
    fn new() -> Self {
        Self(OnceLock::new())
    }
}

impl Once for Private {
    #[inline(always)]
    fn get(&self) -> u64 {
        *self.0.get_or_init(|| VALUE).expect("it does not ask for itself")
    }

    #[inline(always)]
    fn look(&self) -> u64 {
        *self.0.get().expect("it was made")
    }
}

impl Disposable for Robust {
    fn new() -> Self {
        Self(OnceLock::new())
    }

    /// A family begins with its first lock.
    fn prepare() -> Result<()> {
        drop(Shared::new(Mutex::new(0_u64))?);
        Ok(())
    }

    fn place(&mut self) {
        // SAFETY: in memory that forks share, where it stays and is never unmapped; nobody else reaches it before it is placed.
        let placement = unsafe { Placement::new() }.expect("there is a family");
        self.0.place(&placement).expect("there is a family");
    }
}

impl Once for Robust {
    #[inline(always)]
    fn get(&self) -> u64 {
        *self.0.get_or_init(|| VALUE).expect("it does not ask for itself")
    }

    #[inline(always)]
    fn look(&self) -> u64 {
        *self.0.get().expect("it was made")
    }
}

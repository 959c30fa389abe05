//! Our semaphores with one permit around a number: the robust one, between threads and in a segment, and the plain one.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use multiproc::shm::{Shared, ShmSafe};
use multiproc::sync::{RobustSemaphore, Semaphore};

use crate::Result;
use crate::locks::Lock;

/// On a cache line of its own, as every lock here.
#[derive(Debug, ShmSafe)]
#[repr(C, align(64))]
pub(crate) struct Robust {
    permit: RobustSemaphore<1>,
    number: AtomicU64,
}

/// Likewise.
#[derive(Debug, ShmSafe)]
#[repr(C, align(64))]
pub(crate) struct Plain {
    permit: Semaphore,
    number: AtomicU64,
}

fn with_owners() -> Robust {
    Robust { permit: RobustSemaphore::new(), number: AtomicU64::new(0) }
}

pub(crate) fn private() -> Result<&'static Robust> {
    Ok(Box::leak(Box::new(with_owners())))
}

pub(crate) fn robust() -> Result<&'static Robust> {
    Ok(Box::leak(Box::new(Shared::new(with_owners())?)))
}

pub(crate) fn plain() -> Result<&'static Plain> {
    let value = Plain { permit: Semaphore::new(1), number: AtomicU64::new(0) };
    Ok(Box::leak(Box::new(Shared::new(value)?)))
}

/// No atomic operation: one at a time is here.
#[inline(always)]
fn add_one_to(number: &AtomicU64) {
    number.store(number.load(Relaxed) + 1, Relaxed);
}

impl Lock for Robust {
    #[inline(always)]
    fn add_one(&self) {
        let _permit = self.permit.acquire().expect("no signal ends a wait");
        add_one_to(&self.number);
    }

    fn number(&self) -> u64 {
        let _permit = self.permit.acquire().expect("no signal ends a wait");
        self.number.load(Relaxed)
    }
}

impl Lock for Plain {
    #[inline(always)]
    fn add_one(&self) {
        let _permit = self.permit.permit().expect("no signal ends a wait");
        add_one_to(&self.number);
    }

    fn number(&self) -> u64 {
        let _permit = self.permit.permit().expect("no signal ends a wait");
        self.number.load(Relaxed)
    }
}

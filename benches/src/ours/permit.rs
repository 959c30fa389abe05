//! Our semaphores with one permit around a number: the robust one, between threads and in a segment, and the plain one. And the robust one
//! with permits that are taken.

use std::array;
use std::mem::forget;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use multiproc::shm::{Shared, ShmSafe};
use multiproc::sync::{RobustSemaphore, Semaphore};

use crate::Result;
use crate::locks::Lock;
use crate::other::Other;
use crate::semaphores::{Hold, MANY, Refuse};

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

fn in_a_segment<const PERMITS: usize>() -> Result<&'static RobustSemaphore<PERMITS>> {
    Ok(Box::leak(Box::new(Shared::new(RobustSemaphore::new())?)))
}

/// Takes so many for good.
fn take<const PERMITS: usize>(semaphore: &RobustSemaphore<PERMITS>, permits: usize) -> Result<()> {
    for _ in 0..permits {
        forget(semaphore.acquire()?);
    }
    Ok(())
}

/// Its only permit is this process's.
pub(crate) fn taken() -> Result<&'static RobustSemaphore<1>> {
    let semaphore = in_a_segment()?;
    take(semaphore, 1)?;
    Ok(semaphore)
}

/// Its only permit is that of another process, which ends with this one.
pub(crate) fn taken_elsewhere() -> Result<&'static RobustSemaphore<1>> {
    let semaphore = in_a_segment()?;
    forget(Other::process_that_has(|| take(semaphore, 1))?);
    Ok(semaphore)
}

pub(crate) fn many() -> Result<&'static RobustSemaphore<MANY>> {
    in_a_segment()
}

pub(crate) fn many_private() -> Result<&'static RobustSemaphore<MANY>> {
    Ok(Box::leak(Box::new(RobustSemaphore::new())))
}

/// All of its permits but one are this process's.
pub(crate) fn all_but_one(
    semaphore: Result<&'static RobustSemaphore<MANY>>,
) -> Result<&'static RobustSemaphore<MANY>> {
    let semaphore = semaphore?;
    take(semaphore, MANY - 1)?;
    Ok(semaphore)
}

/// All of its permits but one are another process's, which ends with this one.
pub(crate) fn all_but_one_elsewhere() -> Result<&'static RobustSemaphore<MANY>> {
    let semaphore = many()?;
    forget(Other::process_that_has(|| take(semaphore, MANY - 1))?);
    Ok(semaphore)
}

impl<const PERMITS: usize> Refuse for RobustSemaphore<PERMITS> {
    #[inline(always)]
    fn refuses(&self) -> bool {
        self.try_acquire().is_err()
    }
}

impl Hold for RobustSemaphore<MANY> {
    #[inline(always)]
    fn hold<const COUNT: usize>(&self) {
        let _permits: [_; COUNT] = array::from_fn(|_| self.acquire().expect("no signal ends a wait"));
    }
}

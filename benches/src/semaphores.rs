//! What the benches do with a semaphore, whoever brings it: acquire and release alone; two of them hand a turn to and fro.

use crate::Result;
use crate::alone;
use crate::groups::agree;
use crate::handoff::{self, Token};
use crate::session::{Setting, Start};

/// A number of permits.
pub(crate) trait Semaphore: Sync + 'static {
    /// Waits for a permit.
    fn acquire(&self);

    /// Puts one back, or in.
    fn release(&self);

    /// How many are free.
    fn free(&self) -> u64;
}

impl<S: Semaphore> Token for S {
    #[inline(always)]
    fn give(&self) {
        self.release();
    }

    #[inline(always)]
    fn take(&self) {
        self.acquire();
    }
}

/// Makes a semaphore with so many permits.
pub(crate) type Make<S> = fn(u32) -> Result<&'static S>;

/// Nobody else wants the permit.
pub(crate) fn uncontended<S: Semaphore>(_: &Setting, make: Make<S>) -> Result<Start> {
    let acquire_and_release = |semaphore: &S| {
        semaphore.acquire();
        semaphore.release();
    };
    alone::operations(make(1), acquire_and_release, |semaphore| agree(semaphore.free(), 1))
}

/// A turn goes to another thread and comes back.
pub(crate) fn between_threads<S: Semaphore>(setting: &Setting, make: Make<S>) -> Result<Start> {
    handoff::two_threads(setting, two(make))
}

/// A turn goes to another process and comes back.
pub(crate) fn between_processes<S: Semaphore>(setting: &Setting, make: Make<S>) -> Result<Start> {
    handoff::two_processes(setting, two(make))
}

/// Without permits.
fn two<S>(make: Make<S>) -> Result<[&'static S; 2]> {
    Ok([make(0)?, make(0)?])
}

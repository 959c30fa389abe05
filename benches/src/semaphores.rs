//! What the benches do with a semaphore, whoever brings it: acquire and release alone, one permit or many; ask for one that is not there; two
//! of them hand a turn to and fro.

use crate::Result;
use crate::alone;
use crate::groups::agree;
use crate::handoff::{self, Token};
use crate::locks::have_two_threads;
use crate::neighbour::Alone;
use crate::session::{Setting, Start};

/// A number of permits.
pub(crate) trait Semaphore: Sync + 'static {
    /// Waits for a permit.
    fn acquire(&self);

    /// Takes a permit if one is free; tells whether it did.
    fn try_acquire(&self) -> bool;

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

/// Something that can be asked for a permit where none is free.
pub(crate) trait Refuse: Sync + 'static {
    fn refuses(&self) -> bool;
}

impl<S: Semaphore> Refuse for S {
    #[inline(always)]
    fn refuses(&self) -> bool {
        !self.try_acquire()
    }
}

/// Asks for a permit where none is free.
pub(crate) fn refused<R: Refuse>(_: &Setting, semaphore: Result<&'static R>) -> Result<Start> {
    let ask = |semaphore: &R| assert!(semaphore.refuses(), "no permit is free");
    alone::operations(semaphore, ask, |_| Ok(()))
}

/// A number of permits of which one thread has several at a time.
pub(crate) trait Hold: Sync + 'static {
    /// Acquires so many, one by one, and releases them.
    fn hold<const COUNT: usize>(&self);
}

impl<S: Semaphore> Hold for S {
    #[inline(always)]
    fn hold<const COUNT: usize>(&self) {
        (0..COUNT).for_each(|_| self.acquire());
        (0..COUNT).for_each(|_| self.release());
    }
}

/// So many permits as a robust semaphore can have.
pub(crate) const MANY: usize = 256;

/// Rounds of many permits between two looks at the clock.
const ROUNDS: u64 = 16;

/// Acquires the only permit that is free and releases it.
pub(crate) fn hold_last<H: Hold>(_: &Setting, semaphore: Result<&'static H>) -> Result<Start> {
    alone::operations(semaphore, H::hold::<1>, |_| Ok(()))
}

/// Acquires many permits, which are all there are, and releases them.
pub(crate) fn hold_all<H: Hold>(_: &Setting, semaphore: Result<&'static H>) -> Result<Start> {
    let semaphore = semaphore?;
    have_two_threads();
    Start::here(Alone::new(move || {
        alone::repeat(semaphore, H::hold::<MANY>, ROUNDS);
        Ok(ROUNDS * MANY as u64)
    }))
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

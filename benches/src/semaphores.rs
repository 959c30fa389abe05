//! What the benches do with a semaphore, whoever brings it: acquire and release alone, and hand a turn to and fro.

use std::hint::black_box;

use crate::Result;
use crate::groups::agree;
use crate::locks::have_two_threads;
use crate::ping_pong::PingPong;
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

/// Makes a semaphore with so many permits.
pub(crate) type Make<S> = fn(u32) -> Result<&'static S>;

/// Operations between two looks at the clock, where nobody else wants the permit.
const CALLS: u64 = 4096;

/// One function for each semaphore, whose address it cannot know.
#[inline(never)]
fn acquire_and_release(semaphore: &impl Semaphore, times: u64) {
    for _ in 0..times {
        black_box(semaphore).acquire();
        black_box(semaphore).release();
    }
}

/// Nobody else wants the permit.
pub(crate) fn uncontended<S: Semaphore>(_: &Setting, make: Make<S>) -> Result<Start> {
    let semaphore = make(1)?;
    have_two_threads();
    Start::here(move || {
        acquire_and_release(semaphore, CALLS);
        agree(semaphore.free(), 1)?;
        Ok(CALLS)
    })
}

/// A turn goes to another thread and comes back.
pub(crate) fn between_threads<S: Semaphore>(setting: &Setting, make: Make<S>) -> Result<Start> {
    Start::here(PingPong::with_a_thread([make(0)?, make(0)?], setting)?)
}

/// A turn goes to another process and comes back.
pub(crate) fn between_processes<S: Semaphore>(_: &Setting, make: Make<S>) -> Result<Start> {
    Start::here(PingPong::with_a_process([make(0)?, make(0)?])?)
}

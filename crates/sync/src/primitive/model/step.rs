//! Death before a step.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

use super::context;

thread_local! {
    // Of the thread that runs the model checker, and so of all threads of its models.
    static KILLS: Cell<usize> = const { Cell::new(0) };
}

/// What unwinds a thread that dies. Nothing that is dropped on the way does anything to what others see.
struct Killed;

/// A point at which the calling thread's process can die, between two stores to guarded data say. The atomics and locks of this
/// crate have such points of their own.
pub fn step() {
    let _ = goes_on();
}

/// Kills the process of the calling thread, which is run by one of the methods that let it be killed, here and now.
///
/// # Panics
///
/// In a thread of no process.
pub fn die() -> ! {
    context::here().expect("only a thread of a process can be killed").dead.set(true);
    panic::resume_unwind(Box::new(Killed));
}

/// Lets the process of the calling thread die before its `k`-th step from here. As [`die`], for a thread that can be killed.
///
/// # Panics
///
/// In a thread of no process.
pub fn die_at(k: usize) {
    context::here().expect("only a thread of a process can be killed").fuse.set(Some(k));
}

/// Called before everything that another process can see; `false`: the calling thread is dead, and must do nothing.
pub(in crate::primitive) fn goes_on() -> bool {
    let Some(thread) = context::here() else { return true };
    if thread.dead.get() {
        return false;
    }
    match thread.fuse.get() {
        None => {}
        Some(0) => {
            KILLS.set(KILLS.get() + 1);
            die();
        }
        Some(steps) => thread.fuse.set(Some(steps - 1)),
    }
    true
}

/// Whether the calling thread is dead: for destructors that write to what a lock guards, which is no step.
pub(crate) fn is_dead() -> bool {
    context::here().is_some_and(|thread| thread.dead.get())
}

/// Runs `body`; `None`: the calling thread was killed in it.
pub(super) fn until_killed<T>(body: impl FnOnce() -> T) -> Option<T> {
    match panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Some(value),
        Err(cause) if cause.is::<Killed>() => None,
        Err(cause) => panic::resume_unwind(cause),
    }
}

pub(super) fn forget_kills() {
    KILLS.set(0);
}

/// Kills since they were forgotten.
pub(super) fn kills() -> usize {
    KILLS.get()
}

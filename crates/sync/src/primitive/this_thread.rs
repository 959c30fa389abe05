//! A number for the calling thread, that no other one of the process ever has.
#![allow(clippy::disallowed_types)] // counts threads, is no part of a lock

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[cfg(multiproc_loom)]
use loom::thread_local;

/// No thread's number, nor 0: so that who has none yet is told from who has, and from nobody, by one comparison.
const NONE: usize = usize::MAX;

/// Threads that have a number.
static COUNT: AtomicUsize = AtomicUsize::new(0);

#[cfg(not(multiproc_loom))]
thread_local! {
    /// Nothing to drop, so that it can be read to the thread's very end.
    static NUMBER: Cell<usize> = const { Cell::new(NONE) };
}

#[cfg(multiproc_loom)]
thread_local! {
    static NUMBER: Cell<usize> = Cell::new(NONE);
}

/// The number of the calling thread, never 0. A fork of the process keeps that of the thread that has forked.
#[inline(always)]
pub(crate) fn this_thread() -> usize {
    match NUMBER.with(Cell::get) {
        NONE => numbered(),
        number => number,
    }
}

/// The number of the calling thread, or one that no thread has: what it can be compared with is somebody's, or 0.
#[inline(always)]
pub(crate) fn this_thread_if_numbered() -> usize {
    NUMBER.with(Cell::get)
}

#[cold]
#[inline(never)]
fn numbered() -> usize {
    let number = COUNT.fetch_add(1, Relaxed) + 1;
    NUMBER.with(|here| here.set(number));
    number
}

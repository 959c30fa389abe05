//! A number for the calling thread, that no other one of the process ever has.
#![allow(clippy::disallowed_types)] // counts threads, is no part of a lock

#[cfg(not(multiproc_loom))]
use std::cell::Cell;
#[cfg(not(multiproc_loom))]
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// No thread's number, nor 0: so that who has none yet is told from who has, and from nobody, by one comparison.
#[cfg(not(multiproc_loom))]
const NONE: usize = usize::MAX;

/// Threads that have a number.
#[cfg(not(multiproc_loom))]
static COUNT: AtomicUsize = AtomicUsize::new(0);

#[cfg(not(multiproc_loom))]
thread_local! {
    /// Nothing to drop, so that it can be read to the thread's very end.
    static NUMBER: Cell<usize> = const { Cell::new(NONE) };
}

/// The number of the calling thread, never 0. A fork of the process keeps that of the thread that has forked.
#[cfg(not(multiproc_loom))]
#[inline(always)]
pub(crate) fn this_thread() -> usize {
    match NUMBER.with(Cell::get) {
        NONE => numbered(),
        number => number,
    }
}

/// The number of the calling thread, or one that no thread has: what it can be compared with is somebody's, or 0.
#[cfg(not(multiproc_loom))]
#[inline(always)]
pub(crate) fn this_thread_if_numbered() -> usize {
    NUMBER.with(Cell::get)
}

#[cfg(not(multiproc_loom))]
#[cold]
#[inline(never)]
fn numbered() -> usize {
    let number = COUNT.fetch_add(1, Relaxed) + 1;
    NUMBER.with(|here| here.set(number));
    number
}

/// The number of the calling thread, never 0: the same in each order of a model's steps, as what depends on it must be.
#[cfg(multiproc_loom)]
pub(crate) fn this_thread() -> usize {
    let shown = format!("{:?}", loom::thread::current().id());
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    let number: usize = digits.parse().expect("the model checker numbers its threads");
    number + 1
}

/// The same: all threads of a model have one.
#[cfg(multiproc_loom)]
pub(crate) fn this_thread_if_numbered() -> usize {
    this_thread()
}

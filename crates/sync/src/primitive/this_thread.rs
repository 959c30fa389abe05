//! A number for the calling thread, that no other one of the process has while it lives.

use std::ptr;

#[cfg(multiproc_loom)]
use loom::thread_local;

#[cfg(not(multiproc_loom))]
thread_local! {
    static HERE: u8 = const { 0 };
}

#[cfg(multiproc_loom)]
thread_local! {
    static HERE: u8 = 0;
}

/// The number of the calling thread, never 0. A fork of the process keeps that of the thread that has forked.
pub(crate) fn this_thread() -> usize {
    HERE.with(|here| ptr::from_ref(here).addr())
}

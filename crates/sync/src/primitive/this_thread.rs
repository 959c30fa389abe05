//! A number for the calling thread, that no other one of the process has while it lives.

#[cfg(not(multiproc_loom))]
use std::ptr;

#[cfg(not(multiproc_loom))]
thread_local! {
    static HERE: u8 = const { 0 };
}

/// The number of the calling thread, never 0. A fork of the process keeps that of the thread that has forked.
#[cfg(not(multiproc_loom))]
#[inline(always)]
pub(crate) fn this_thread() -> usize {
    HERE.with(|here| ptr::from_ref(here).addr())
}

/// The number of the calling thread, never 0: the same in each order of a model's steps, as what depends on it must be.
#[cfg(multiproc_loom)]
pub(crate) fn this_thread() -> usize {
    let shown = format!("{:?}", loom::thread::current().id());
    let digits: String = shown.chars().filter(char::is_ascii_digit).collect();
    let number: usize = digits.parse().expect("the model checker numbers its threads");
    (number + 1) << 16
}

//! Sleeping on a word that processes share. `unsafe`: the raw system call, which std and nix do not wrap.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use nix::libc;

/// Sleeps until `word` is woken, at most for `limit`; returns at once if it does not hold `seen`.
///
/// May return early: the caller looks again.
pub(crate) fn wait(word: &AtomicU32, seen: u32, limit: Duration) {
    let limit = libc::timespec {
        tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(limit.subsec_nanos().cast_signed()),
    };
    // SAFETY: the word and the limit live until the call returns; the kernel only reads them.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, seen, &raw const limit) };
}

/// Wakes every process that sleeps on `word`.
pub(crate) fn wake_all(word: &AtomicU32) {
    let nowhere = ptr::null::<libc::timespec>();
    // SAFETY: a wake only takes the word's address as a name; the fourth argument is not used.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, i32::MAX, nowhere) };
}

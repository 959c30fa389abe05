//! libc's hook for forks. `unsafe`: its registration, before `main`.
#![allow(unsafe_code)]

use std::hint;

use crate::generation;

/// Called by the loader before `main`, when nobody can fork yet. A hook that is registered later is not called in the child of a
/// fork that has begun already; and one of the user's that came first would lock with the name of the parent's thread.
extern "C" fn at_start() {
    // SAFETY: the handler only stores to atomics and to cells of its own thread, which a fork of a process with threads
    // may do. The call fails for lack of memory alone; then forks are not told apart.
    unsafe { libc::pthread_atfork(None, None, Some(generation::in_child)) };
}

// SAFETY: the section is the loader's list of functions without arguments.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = at_start;

/// Has the linker keep the hook. A bare system call to fork is not seen.
#[inline(always)]
pub(crate) fn hooked() {
    hint::black_box(&AT_START);
}

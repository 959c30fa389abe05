//! libc's hooks for forks. `unsafe`: their registration, before `main`.
#![allow(unsafe_code)]

use std::hint;

use crate::family::beginning;

/// Called by the loader before `main`, when nobody can fork yet: so these hooks are the last before a fork and the first after it,
/// and others' may ask for the family.
extern "C" fn at_start() {
    let (before, after) = (beginning::before_a_fork, beginning::after_a_fork);
    // SAFETY: the handlers take a lock and give it back, and touch nothing else. The call fails for lack of memory alone; then
    // forks are not seen.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
}

// SAFETY: the section is the loader's list of functions without arguments.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_START: extern "C" fn() = at_start;

/// Has the linker keep the hooks. A bare system call to fork is not seen.
pub(crate) fn hooked() {
    hint::black_box(&AT_START);
}

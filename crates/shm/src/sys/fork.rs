//! libc's hooks for forks. `unsafe`: their registration.
#![allow(unsafe_code)]

/// Has `before` called in every thread of this process that forks, and `after` in it and in the child. A bare system call is not
/// seen.
pub(crate) fn around_forks(before: extern "C" fn(), after: extern "C" fn()) {
    // SAFETY: the handlers take and give back a lock, and touch nothing else. The call fails for lack of memory alone; then
    // forks are not seen, as if nobody had asked.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
}

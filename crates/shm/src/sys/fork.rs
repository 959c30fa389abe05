//! libc's hooks for forks. `unsafe`: their registration.
#![allow(unsafe_code)]

/// Has `before` called in every thread of this process that forks, and `after` in it and in the child. A bare system call is not
/// seen.
pub(crate) fn around_forks(before: extern "C" fn(), after: extern "C" fn()) {
    // SAFETY: the handlers take and give back a lock, and touch nothing else. The call fails for lack of memory alone; then
    // forks are not seen, as if nobody had asked.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
}

/// Runs `body` in a fork of this process; gives its raw status.
#[cfg(test)]
pub(crate) fn in_fork(body: impl FnOnce()) -> i32 {
    // SAFETY: the fork runs `body` and ends without returning to the harness.
    match unsafe { libc::fork() } {
        0 => {
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: ends the process at once, without the parent's exit handlers.
            unsafe { libc::_exit(i32::from(ended.is_err())) }
        }
        pid => {
            let mut status = 0;
            // SAFETY: waits for a child of this process.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            status
        }
    }
}

//! Forks of a test: processes that share what is mapped, to be killed. `unsafe`: fork(2), which the child leaves without
//! returning.
//!
//! ```
//! use multiproc_testkit::fork::{fork, idle, kill, reap};
//! assert_eq!(reap(fork(|| ())), 0);
//! assert_ne!(reap(fork(|| panic!("a fork whose body fails ends with another status"))), 0);
//! kill(fork(|| idle()));
//! ```
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use nix::libc;

/// Runs `body` in a fork of this process; gives its number. It has to be [reaped](reap) or [killed](kill).
///
/// Of the test's threads only the calling one is there: `body` must not wait for what another was doing.
///
/// # Panics
///
/// If there is no process to be had.
pub fn fork(body: impl FnOnce()) -> i32 {
    // SAFETY: the fork runs `body` and ends without returning to the harness.
    match unsafe { libc::fork() } {
        0 => {
            let ended = catch_unwind(AssertUnwindSafe(body));
            // SAFETY: ends the process at once, without the parent's exit handlers.
            unsafe { libc::_exit(i32::from(ended.is_err())) }
        }
        pid => {
            assert!(pid > 0, "cannot fork: {}", std::io::Error::last_os_error());
            pid
        }
    }
}

/// Waits for the end of a fork; gives its raw status: 0 if it ended well.
///
/// # Panics
///
/// If `pid` is no child of this process.
pub fn reap(pid: i32) -> i32 {
    let mut status = 0;
    // SAFETY: waits for a child of this process; the status is a variable.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid, "no child of this process");
    status
}

/// Kills a fork and waits for its end.
///
/// # Panics
///
/// If `pid` is no child of this process.
pub fn kill(pid: i32) {
    // SAFETY: a child that has not been waited for, so that the number is its own.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    reap(pid);
}

/// Does nothing until the process is killed.
pub fn idle() -> ! {
    loop {
        thread::park();
    }
}

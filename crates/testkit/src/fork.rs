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

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use nix::libc;

use crate::sys;

/// A fork that has not been waited for. Dropped, as by a test that fails, it is killed.
#[derive(Debug)]
#[must_use = "dropped, the fork is killed at once"]
pub struct Fork {
    pid: i32,
    parent: i32,
}

impl Fork {
    /// Takes care of a child of this process that was forked otherwise.
    pub fn adopt(child: i32) -> Self {
        Self { pid: child, parent: std::process::id().cast_signed() }
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid.unsigned_abs()
    }

    /// Waits for its end; `None` where that is somebody else's.
    fn end(&self) -> Option<i32> {
        let mut status = 0;
        loop {
            // SAFETY: waits for a child of this process; the status is a variable.
            let ended = unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
            let is_interrupted = std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted;
            if ended >= 0 || !is_interrupted {
                return (ended == self.pid).then_some(status);
            }
        }
    }
}

impl Drop for Fork {
    fn drop(&mut self) {
        // In a fork of the parent the guard is a copy.
        if std::process::id().cast_signed() == self.parent {
            // SAFETY: a child that has not been waited for, so that the number is its own.
            unsafe { libc::kill(self.pid, libc::SIGKILL) };
            self.end();
        }
    }
}

/// Runs `body` in a fork of this process. It is to be [reaped](reap) or [killed](kill). It dies with the thread that calls this, and leaves no
/// core file.
///
/// Of the test's threads only the calling one is there: `body` must not wait for what another was doing.
///
/// # Panics
///
/// If there is no process to be had.
pub fn fork(body: impl FnOnce()) -> Fork {
    let parent = std::process::id();
    // SAFETY: the fork runs `body` and ends without returning to the harness.
    match unsafe { libc::fork() } {
        0 => {
            die_with(parent);
            // Bodies that end by a signal do so on purpose. Where the limit cannot be had, a file is left at worst.
            let _ = sys::forbid_core_files();
            let ended = catch_unwind(AssertUnwindSafe(body));
            sys::exit(i32::from(ended.is_err()))
        }
        pid => {
            assert!(pid > 0, "cannot fork: {}", std::io::Error::last_os_error());
            Fork::adopt(pid)
        }
    }
}

/// Has this process killed when the thread that forked it ends, and so with a test that is killed: some bodies go on for ever.
fn die_with(parent: u32) {
    // SAFETY: a number is set in the kernel.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // 0: the parent is in another pid namespace, and has no number here.
    if ![parent, 0].contains(&std::os::unix::process::parent_id()) {
        sys::exit(1); // its parent was dead before
    }
}

/// Has this fork go on when its parent ends. A test that has none left behind sees to it otherwise.
pub fn outlive_parent() {
    // SAFETY: a number is set in the kernel.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, 0) };
}

/// Ends this fork at once with a status, without the exit handlers of the process that it is a copy of: another thread may have had their locks.
pub fn exit(status: i32) -> ! {
    sys::exit(status)
}

/// Has signals leave no core file from now on, whichever process of this program they end: for tests whose workers crash on purpose.
///
/// # Panics
///
/// If the kernel refuses.
pub fn no_core_files() {
    sys::forbid_core_files()
        .unwrap_or_else(|error| panic!("the limit on core files cannot be lowered: {error}"));
}

/// Waits for the end of a fork; gives its raw status: 0 if it ended well.
///
/// # Panics
///
/// If somebody else has waited for it.
pub fn reap(fork: Fork) -> i32 {
    let status = fork.end();
    mem::forget(fork); // its number may be another's by now
    status.expect("nobody else waits for it")
}

/// Kills a fork and waits for its end; gives the number that it had.
pub fn kill(fork: Fork) -> u32 {
    fork.pid()
}

/// Does nothing until the process is killed.
pub fn idle() -> ! {
    loop {
        thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_fails_leaves_no_fork() {
        let mut pid = 0;
        let failed = catch_unwind(AssertUnwindSafe(|| {
            let child = fork(|| idle());
            pid = child.pid();
            panic!("before it is reaped");
        }));
        assert!(failed.is_err());
        assert!(!crate::is_running(pid));
    }

    #[test]
    fn a_fork_that_aborts_leaves_no_core_file() {
        let status = reap(fork(|| std::process::abort()));
        assert!(libc::WIFSIGNALED(status) && !libc::WCOREDUMP(status), "{status:#x}");
        assert_eq!(libc::WEXITSTATUS(reap(fork(|| exit(9)))), 9);
    }

    /// As when the test's program is killed, by its watchdog for one.
    #[test]
    fn a_fork_dies_with_its_parent() {
        use std::io::{Read, Write};

        let (mut reader, mut writer) = std::io::pipe().unwrap();
        let parent = fork(|| {
            let child = fork(|| idle());
            writer.write_all(&child.pid().to_ne_bytes()).unwrap();
            idle();
        });
        let mut number = [0; 4];
        reader.read_exact(&mut number).unwrap();
        let child = u32::from_ne_bytes(number);
        assert!(crate::is_running(child));
        kill(parent);
        crate::eventually("the fork's fork ends with it", || !crate::is_running(child));
    }
}

//! Ends of processes that are hard to see. `unsafe`: signals and limits.
#![allow(unsafe_code)]
#![allow(dead_code)] // each test program uses some of it

use std::mem;

use super::Fork;

/// Kills a child of this process, whose end nobody waits for yet.
pub(crate) fn kill_only(child: &Fork) {
    let (pid, mut info) = (child.pid(), mem::MaybeUninit::<libc::siginfo_t>::zeroed());
    // SAFETY: a child that has not been waited for, so that the number is its own; `info` has room.
    unsafe {
        assert_eq!(libc::kill(pid.cast_signed(), libc::SIGKILL), 0);
        assert_eq!(libc::waitid(libc::P_PID, pid, info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT), 0);
    }
}

/// Lets this process open so many descriptors at the most.
pub(crate) fn limit_descriptors(most: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit is read and written where it lies.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        limit.rlim_cur = most.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
    }
}

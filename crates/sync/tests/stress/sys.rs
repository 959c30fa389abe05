//! System calls of the stress program. `unsafe`: the raw calls.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;
use std::{io, mem};

/// Nanoseconds of the monotonic clock, which all processes read alike.
pub(crate) fn now() -> u64 {
    // SAFETY: a structure of numbers, which the call fills.
    let time = unsafe {
        let mut time: libc::timespec = mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time);
        time
    };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// The number of the calling thread.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: cannot fail.
    unsafe { libc::gettid() }.cast_unsigned()
}

/// Has the calling process killed when `parent`, which has made it, ends.
pub(crate) fn die_with(parent: u32) {
    // SAFETY: takes numbers; what it armed is looked at after.
    let orphan = unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        libc::getppid().cast_unsigned() != parent
    };
    if orphan {
        std::process::abort();
    }
}

/// A descriptor that is readable once the process, a child that is not reaped yet, has ended.
pub(crate) fn end_of(pid: i32) -> io::Result<OwnedFd> {
    // SAFETY: takes numbers.
    let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: new, and nobody else's; the kernel's numbers of descriptors fit.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor as i32) })
}

/// Whether it becomes readable within `limit`.
pub(crate) fn is_readable_within(descriptor: &OwnedFd, limit: Duration) -> bool {
    let mut asked = libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one structure, which outlives the call.
    let readable = unsafe { libc::poll(&raw mut asked, 1, limit.as_millis().try_into().unwrap_or(i32::MAX)) };
    readable == 1
}

/// Kills a child that is not reaped yet.
pub(crate) fn kill(pid: i32) {
    // SAFETY: the number is the child's own until it is reaped.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

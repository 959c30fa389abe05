//! Processes by descriptor: a pidfd never comes to mean another process. `unsafe`: calls that libc does not wrap.
#![allow(unsafe_code)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// Opens a descriptor for a child that has not been waited for, so that its number is still its own.
pub(crate) fn open(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two integers and touches no memory; pidfds are always closed on exec.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a descriptor that the kernel has just made for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Sends a signal. One that has ended, waited for or not, is `Ok`: it needs no signal any more.
pub(crate) fn signal(process: BorrowedFd<'_>, signal: i32) -> io::Result<()> {
    let info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: a null `info` says "as kill(2) would send it"; nothing else is a pointer.
    let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), signal, info, 0) };
    match io::Error::last_os_error() {
        _ if result == 0 => Ok(()),
        e if e.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        e => Err(e),
    }
}

/// How a child is found by [`wait`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ended {
    /// Not yet.
    No,
    /// It has ended with this status, and no zombie is left.
    Status(ExitStatus),
    /// It has ended, but somebody else took its status (a `wait` for any child, or SIGCHLD ignored).
    StatusTaken,
}

/// Takes the exit status of a child if it has ended.
pub(crate) fn wait(child: BorrowedFd<'_>) -> io::Result<Ended> {
    let flags = libc::WEXITED | libc::WNOHANG;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    loop {
        // SAFETY: `info` is writable for a siginfo_t and lives across the call.
        let result =
            unsafe { libc::waitid(libc::P_PIDFD, child.as_raw_fd() as libc::id_t, info.as_mut_ptr(), flags) };
        if result == 0 {
            break;
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::ECHILD) => return Ok(Ended::StatusTaken),
            _ => return Err(error),
        }
    }
    // SAFETY: zeroed is a valid siginfo_t, and waitid has filled it: for a child's change of state the pid and
    // status fields are the active ones; with WNOHANG and no change the pid stays 0.
    let (pid, status, code) = unsafe {
        let info = info.assume_init();
        (info.si_pid(), info.si_status(), info.si_code)
    };
    if pid == 0 {
        return Ok(Ended::No);
    }
    Ok(Ended::Status(ExitStatus::from_raw(match code {
        libc::CLD_EXITED => (status & 0xff) << 8,
        libc::CLD_DUMPED => status | 0x80,
        _ => status,
    })))
}

//! Locks on open files, which end with the last descriptor of them. `unsafe`: libc has flock(2) only; nix gives its own up when a
//! copy is dropped, in a fork too.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Who else may have the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    Nobody,
    /// Those who look, as this one does.
    Lookers,
}

/// Takes the lock of a file if it can be had now, until every copy of the descriptor is closed, in forks too.
pub(crate) fn try_lock(fd: BorrowedFd<'_>, with: With) -> io::Result<bool> {
    let kind = match with {
        With::Nobody => libc::LOCK_EX,
        With::Lookers => libc::LOCK_SH,
    };
    // SAFETY: no memory is passed; the descriptor is open.
    if unsafe { libc::flock(fd.as_raw_fd(), kind | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        error => Err(error),
    }
}

/// Gives a lock up at once, also where a fork has a copy of the descriptor.
pub(crate) fn unlock(fd: BorrowedFd<'_>) {
    // SAFETY: no memory is passed; the descriptor is open. Without a lock nothing happens.
    unsafe { libc::flock(fd.as_raw_fd(), libc::LOCK_UN) };
}

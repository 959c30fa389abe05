//! Locks of single bytes by *open file descriptions*: they go along with a descriptor in a message, and end with its last copy, however
//! that comes about. No byte need exist.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// Opens a file in memory anew, for reading and writing: a description of its own, with locks of its own.
pub(crate) fn reopen(fd: BorrowedFd<'_>) -> io::Result<File> {
    // Not waiting: who has sent the descriptor could have a lease on the file, which would keep us for as long as the system lets it.
    let mut options = File::options();
    let options = options.read(true).write(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(format!("/proc/self/fd/{}", fd.as_raw_fd()))?;
    super::memfd::above_stdio(file.into()).map(File::from)
}

/// Locks a byte for reading, beside others who do; `false`: another description has locked it for writing. In the place of a lock for
/// writing that this description has, it never fails.
pub(crate) fn lock_for_reading(fd: BorrowedFd<'_>, byte: u64) -> io::Result<bool> {
    set(fd, byte, libc::F_RDLCK)
}

/// Locks a byte for writing; `false`: another description has locked it, and this one's lock for reading, if it has it, is what it was.
pub(crate) fn lock_for_writing(fd: BorrowedFd<'_>, byte: u64) -> io::Result<bool> {
    set(fd, byte, libc::F_WRLCK)
}

/// Ends this description's lock of a byte, if it has one.
pub(crate) fn unlock(fd: BorrowedFd<'_>, byte: u64) -> io::Result<()> {
    set(fd, byte, libc::F_UNLCK).map(drop)
}

/// Whether no other description has locked a byte.
pub(crate) fn is_free(fd: BorrowedFd<'_>, byte: u64) -> io::Result<bool> {
    let mut lock = of(byte, libc::F_WRLCK);
    fcntl(fd, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(i32::from(lock.l_type) == libc::F_UNLCK)
}

fn set(fd: BorrowedFd<'_>, byte: u64, kind: i32) -> io::Result<bool> {
    match fcntl(fd, FcntlArg::F_OFD_SETLK(&of(byte, kind))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn of(byte: u64, kind: i32) -> libc::flock {
    libc::flock {
        l_type: kind as _,
        l_whence: libc::SEEK_SET as _,
        l_start: byte as libc::off_t,
        l_len: 1,
        l_pid: 0, // must be
    }
}

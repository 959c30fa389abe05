//! Anonymous files in memory, of a length that is sealed. `unsafe`: a system call that reads memory.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::fstat;

use super::space::check_limit;

/// A file of `len` zeroed bytes, no longer and no shorter for good; `name` shows in /proc.
pub(crate) fn create(name: &CStr, len: u64) -> io::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let not_executable = MFdFlags::from_bits_retain(libc::MFD_NOEXEC_SEAL);
    let fd = match memfd_create(name, flags | not_executable) {
        Err(Errno::EINVAL) => memfd_create(name, flags)?, // a kernel before 6.3
        other => other?,
    };
    let file = File::from(above_stdio(fd)?);
    check_limit(len)?;
    file.set_len(len)?;
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(file.into())
}

/// Moves a descriptor off the numbers of standard input, output and error, which it gets in a program that has closed
/// them: what is printed there would be written into it.
pub(crate) fn above_stdio(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > libc::STDERR_FILENO { Ok(fd) } else { fd.try_clone() }
}

/// The length of a file that becomes neither shorter nor longer; `None` for any other. Of the one the pages could go away under a reader; of the
/// other a later message could bring more than was mapped for an earlier one.
pub(crate) fn sealed_len(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let seals = match fcntl(fd, FcntlArg::F_GET_SEALS) {
        Ok(bits) => SealFlag::from_bits_retain(bits),
        Err(Errno::EINVAL | Errno::EBADF) => return Ok(None), // no file in memory; the latter: it stands for a path only
        Err(error) => return Err(error.into()),
    };
    if !seals.contains(SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW) {
        return Ok(None);
    }
    Ok(u64::try_from(fstat(fd)?.st_size).ok())
}

/// Whether it is a file in memory, as far as such can be sealed.
pub(crate) fn is_memory(fd: BorrowedFd<'_>) -> io::Result<bool> {
    match fcntl(fd, FcntlArg::F_GET_SEALS) {
        Ok(_) => Ok(true),
        Err(Errno::EINVAL | Errno::EBADF) => Ok(false), // the latter: it stands for a path only
        Err(error) => Err(error.into()),
    }
}

/// The name that a file in memory was given when it was made, which nothing changes; `None`: it is another file.
pub(crate) fn name(fd: BorrowedFd<'_>) -> io::Result<Option<String>> {
    let target = std::fs::read_link(format!("/proc/self/fd/{}", fd.as_raw_fd()))?;
    let target = target.to_string_lossy();
    let name = target.strip_prefix("/memfd:").and_then(|rest| rest.strip_suffix(" (deleted)"));
    Ok(name.map(str::to_owned))
}

/// Writes to the file from the byte `at` on.
///
/// # Safety
///
/// `from` is valid for reads of `len` bytes. They need not be initialized: only the kernel reads them.
pub(crate) unsafe fn write_at(fd: BorrowedFd<'_>, from: *const u8, len: usize, at: usize) -> io::Result<()> {
    let mut written = 0;
    while written < len {
        let number = |at| libc::off_t::try_from(at).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge));
        let at = number(at + written)?;
        // SAFETY: what is left of the bytes, by the caller.
        match unsafe { libc::pwrite(fd.as_raw_fd(), from.add(written).cast(), len - written, at) } {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            -1 => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
            some => written += some.unsigned_abs(),
        }
    }
    Ok(())
}

/// Reads from the file's beginning; fewer bytes than `buffer` has if the file is shorter.
pub(crate) fn read_start(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<usize> {
    let file = File::from(fd.as_fd().try_clone_to_owned()?);
    let mut at = 0;
    while at < buffer.len() {
        match file.read_at(&mut buffer[at..], at as u64) {
            Ok(0) => break,
            Ok(read) => at += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(at)
}

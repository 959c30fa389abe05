//! How much room a file system has, and the taking of it.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::{fstatvfs, statvfs};

use super::folder::FOLDER;

/// So much is reserved by one call: a signal in the middle of it has the kernel give all of that back.
const MOST_AT_ONCE: u64 = 16 << 20;

/// A page.
const LEAST_AT_ONCE: u64 = 4096;

/// Refuses files that are longer than this process may make: beyond the limit the kernel does not say so, it sends SIGXFSZ. Files in memory
/// count too.
pub(crate) fn check_limit(len: u64) -> io::Result<()> {
    if getrlimit(Resource::RLIMIT_FSIZE)?.0 < len { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(()) }
}

/// How many bytes of address space this process may still map; `None` where it has no limit.
pub(crate) fn addresses_left() -> io::Result<Option<u64>> {
    let limit = getrlimit(Resource::RLIMIT_AS)?.0;
    if limit == libc::RLIM_INFINITY {
        return Ok(None);
    }
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    let mapped = pages.split(' ').next().and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0);
    Ok(Some(limit.saturating_sub(mapped.saturating_mul(LEAST_AT_ONCE))))
}

/// How many bytes the file system of a file has left; `None` where it has no limit.
pub(crate) fn left(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let stat = fstatvfs(fd)?;
    let left = stat.blocks_available().saturating_mul(stat.fragment_size());
    Ok((stat.blocks() > 0).then_some(left))
}

/// Whether the folder of named segments takes no further file, however short.
pub(crate) fn is_out_of_files() -> bool {
    statvfs(Path::new(FOLDER)).is_ok_and(|stat| stat.files() > 0 && stat.files_available() == 0)
}

/// Gives a file all of its pages up to `len` now, and that length if it was shorter. Nothing is written: where the file system cannot do
/// that, libc's function would write to the file under the feet of those who have it mapped.
pub(crate) fn reserve(file: &File, len: u64) -> io::Result<()> {
    let number =
        |bytes| libc::off_t::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge));
    let (mut at, mut at_once) = (0, MOST_AT_ONCE);
    while at < len {
        let part = at_once.min(len - at);
        match fallocate(file, FallocateFlags::empty(), number(at)?, number(part)?) {
            Ok(()) => {
                at += part;
                at_once = MOST_AT_ONCE.min(at_once * 2);
            }
            // Signals may come faster than so many pages do.
            Err(Errno::EINTR) => at_once = LEAST_AT_ONCE.max(at_once / 2),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes the pages of a part of a file away: they are zeros from now on, and cost no memory. The file keeps its length.
pub(crate) fn give_back(file: &File, at: u64, len: u64) -> io::Result<()> {
    let number =
        |bytes| libc::off_t::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge));
    let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    loop {
        match fallocate(file, hole, number(at)?, number(len)?) {
            Err(Errno::EINTR) => {}
            other => return Ok(other?),
        }
    }
}

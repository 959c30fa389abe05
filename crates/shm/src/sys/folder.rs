//! The folder of named segments, and what is done with the files in it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, RenameFlags, posix_fallocate, renameat2};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{SFlag, fstat};
use nix::sys::statvfs::fstatvfs;
use nix::unistd::{geteuid, linkat};

use super::memfd::above_stdio;

/// Where libc and CPython keep the segments that have names.
pub(crate) const FOLDER: &str = "/dev/shm";

/// So much is reserved by one call: a signal in the middle of it has the kernel give all of that back.
const MOST_AT_ONCE: u64 = 16 << 20;

/// A page.
const LEAST_AT_ONCE: u64 = 4096;

/// What tells a file from all others that exist at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
}

/// What is known of an open file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) id: FileId,
    pub(crate) len: u64,
    /// The bytes of the pages that it has: fewer than its length if it has holes.
    pub(crate) held: u64,
    /// Neither a folder nor a device nor a pipe.
    pub(crate) is_regular: bool,
    /// Made by the user of this process.
    pub(crate) is_ours: bool,
}

/// The file with this name.
pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// The names in the folder; those that are no UTF-8 are none of ours.
pub(crate) fn entries() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(FOLDER)? {
        names.extend(entry?.file_name().into_string());
    }
    Ok(names)
}

pub(crate) fn facts(fd: BorrowedFd<'_>) -> io::Result<Facts> {
    let stat = fstat(fd)?;
    Ok(Facts {
        id: FileId { device: stat.st_dev, inode: stat.st_ino },
        len: u64::try_from(stat.st_size).unwrap_or(0),
        held: u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512),
        is_regular: SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG,
        is_ours: stat.st_uid == geteuid().as_raw(),
    })
}

/// The file that a path leads to; a link is itself one. `None` where nothing is.
pub(crate) fn id_at(path: &Path) -> io::Result<Option<FileId>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(FileId { device: metadata.dev(), inode: metadata.ino() })),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens what is there; pipes do not hold it up. `through_links`: whether the path may end in a link.
pub(crate) fn open(path: &Path, writable: bool, through_links: bool) -> io::Result<OwnedFd> {
    let flags = libc::O_NONBLOCK | if through_links { 0 } else { libc::O_NOFOLLOW };
    let file = OpenOptions::new().read(true).write(writable).custom_flags(flags).open(path)?;
    above_stdio(file.into())
}

/// A new file for the user of this process alone, which has no name yet.
pub(crate) fn create_nameless() -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600).open(FOLDER)?;
    Ok(above_stdio(file.into())?.into())
}

/// Gives a nameless file its name, if nobody has it.
pub(crate) fn give_name(file: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(AT_FDCWD, itself.as_str(), AT_FDCWD, path, AtFlags::AT_SYMLINK_FOLLOW)?)
}

/// Removes a file; one that is gone already is removed.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Gives a file another name, if nobody has it.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    Ok(renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_NOREPLACE)?)
}

/// Refuses files that are longer than this process may make: beyond the limit the kernel does not say so, it sends SIGXFSZ.
pub(crate) fn check_limit(len: u64) -> io::Result<()> {
    if getrlimit(Resource::RLIMIT_FSIZE)?.0 < len { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(()) }
}

/// How many bytes the file system of a file has left; `None` where it has no limit.
pub(crate) fn left(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let stat = fstatvfs(fd)?;
    let left = stat.blocks_available().saturating_mul(stat.fragment_size());
    Ok((stat.blocks() > 0).then_some(left))
}

/// Gives a file all of its pages now.
pub(crate) fn reserve(fd: BorrowedFd<'_>, len: u64) -> io::Result<()> {
    let number =
        |bytes| libc::off_t::try_from(bytes).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge));
    let (mut at, mut at_once) = (0, MOST_AT_ONCE);
    while at < len {
        let part = at_once.min(len - at);
        match posix_fallocate(fd.as_fd(), number(at)?, number(part)?) {
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

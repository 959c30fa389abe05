//! The folder of named segments, and what is done with the files in it.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, RenameFlags, renameat2};
use nix::unistd::{geteuid, linkat};

use super::file_id::FileId;
use super::memfd::above_stdio;

/// Where libc and CPython keep the segments that have names.
pub(crate) const FOLDER: &str = "/dev/shm";

/// What is known of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    pub(crate) id: FileId,
    pub(crate) len: u64,
    /// The bytes of the pages that it has: fewer than its length if it has holes.
    pub(crate) held: u64,
    /// Neither a folder nor a device nor a pipe.
    pub(crate) is_regular: bool,
    /// The number of the user whose file it is.
    pub(crate) user: u32,
}

impl Facts {
    fn of(metadata: &Metadata) -> Self {
        Self {
            id: FileId::of(metadata),
            len: metadata.len(),
            held: metadata.blocks().saturating_mul(512),
            is_regular: metadata.is_file(),
            user: metadata.uid(),
        }
    }

    /// Whether the file is of the user of this process.
    pub(crate) fn is_ours(&self) -> bool {
        self.user == user()
    }
}

/// The number of this process's user, as it makes files.
pub(crate) fn user() -> u32 {
    geteuid().as_raw()
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

/// Of an open file.
pub(crate) fn facts(file: &File) -> io::Result<Facts> {
    Ok(Facts::of(&file.metadata()?))
}

/// Of the file that a path leads to; a link is itself one. `None` where nothing is.
pub(crate) fn facts_at(path: &Path) -> io::Result<Option<Facts>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(Facts::of(&metadata))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn id_at(path: &Path) -> io::Result<Option<FileId>> {
    Ok(facts_at(path)?.map(|facts| facts.id))
}

/// Opens what is there; pipes do not hold it up. `through_links`: whether the path may end in a link.
pub(crate) fn open(path: &Path, writable: bool, through_links: bool) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | if through_links { 0 } else { libc::O_NOFOLLOW };
    let file = OpenOptions::new().read(true).write(writable).custom_flags(flags).open(path)?;
    Ok(above_stdio(file.into())?.into())
}

/// A new file for the user of this process alone, which has no name yet.
pub(crate) fn create_nameless() -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).custom_flags(libc::O_TMPFILE).mode(0o600).open(FOLDER)?;
    Ok(above_stdio(file.into())?.into())
}

/// Gives a nameless file its name, if nobody has it.
pub(crate) fn give_name(file: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    match linkat(file, "", AT_FDCWD, path, AtFlags::AT_EMPTY_PATH) {
        // The kernel's word for "not you", before 6.10 to all but root; or the folder is not there, which the other way tells too.
        Err(Errno::ENOENT) => give_name_by_proc(file, path),
        other => Ok(other?),
    }
}

/// As [`give_name`], by a way that any user may go where there is a /proc, and that takes longer.
fn give_name_by_proc(file: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
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

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    /// The second way is that of kernels before 6.10, for all but root.
    #[test]
    fn both_ways_give_a_name_that_nobody_has() {
        let ways: [fn(BorrowedFd<'_>, &Path) -> io::Result<()>; 2] = [give_name, give_name_by_proc];
        for (number, give) in ways.into_iter().enumerate() {
            let path = path(&format!("mp-test-give-{number}-{}", std::process::id()));
            let (file, other) = (create_nameless().unwrap(), create_nameless().unwrap());
            give(file.as_fd(), &path).unwrap();
            let taken = give(other.as_fd(), &path).unwrap_err();
            let found = id_at(&path).unwrap();
            remove(&path).unwrap();
            assert_eq!((taken.kind(), found), (io::ErrorKind::AlreadyExists, Some(facts(&file).unwrap().id)));
            let nowhere = give(other.as_fd(), &path.join("below")).unwrap_err();
            assert_eq!(nowhere.kind(), io::ErrorKind::NotFound);
        }
    }
}

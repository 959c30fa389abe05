//! What tells a file from all others.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::UNIX_EPOCH;

/// Where a file lies, and when it was made: a file system may give the number of a file that is gone to the next one, ext4 at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// In nanoseconds since 1970; 0 where the file system does not tell. On tmpfs, which has told since Linux 5.19, numbers come back
    /// after 2^32 files at the earliest.
    pub(crate) born: u64,
}

impl FileId {
    /// That of no file.
    pub(crate) const NONE: Self = Self { device: 0, inode: 0, born: 0 };

    pub(crate) fn of(metadata: &Metadata) -> Self {
        let since = metadata.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        let born = since.and_then(|since| u64::try_from(since.as_nanos()).ok()).unwrap_or(0);
        Self { device: metadata.dev(), inode: metadata.ino(), born }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use multiproc_testkit::TempDir;

    use super::*;

    #[test]
    fn a_file_is_itself_by_path_and_by_descriptor_and_no_other() {
        let dir = TempDir::new();
        let paths = ["one", "other"].map(|name| dir.path().join(name));
        let files = paths.each_ref().map(|path| File::create_new(path).unwrap());
        let ids = files.each_ref().map(|file| FileId::of(&file.metadata().unwrap()));
        assert_ne!(ids[0], ids[1]);
        assert_eq!(ids[0], FileId::of(&fs::symlink_metadata(&paths[0]).unwrap()));
        assert!(ids[0].born > 0, "every kernel since 5.19 tells, for every folder that tests have");
    }
}

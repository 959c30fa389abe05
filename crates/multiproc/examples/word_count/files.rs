//! What is to be counted: the regular files under the paths, in batches that are each worth a task.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use multiproc::RemoteError;
use walkdir::{DirEntry, WalkDir};

use crate::batch::{Batch, Listed};

/// Bytes of a batch, unless a single file has more: some 10 ms of work.
const BATCH_BYTES: u64 = 1 << 20;

/// Most files of a batch.
const BATCH_FILES: usize = 256;

/// What could not be read, and why.
pub(crate) type Unreadable = BTreeMap<OsString, String>;

#[derive(Default)]
pub(crate) struct Files {
    pub(crate) batches: Vec<Batch>,
    pub(crate) bytes: u64,
    pub(crate) unreadable: Unreadable,
}

impl Files {
    /// Lists what is under `paths`. A directory that cannot be listed is unreadable; a path that is not there, or
    /// nothing to count at all, is an error.
    pub(crate) fn list(paths: &[PathBuf]) -> multiproc::Result<Self> {
        let mut files = Self::default();
        for path in paths {
            // Resolved, since of all links only those that the user names are followed.
            let path =
                path.canonicalize().map_err(|e| RemoteError::msg(format!("{}: {e}", path.display())))?;
            for entry in WalkDir::new(path) {
                files.take(entry);
            }
        }
        match files.unreadable.iter().next() {
            _ if !files.batches.is_empty() => Ok(files),
            Some((path, reason)) => {
                Err(RemoteError::msg(format!("nothing can be read: {}: {reason}", path.display())))
            }
            None => Err(RemoteError::msg("there are no files under the paths")),
        }
    }

    fn take(&mut self, entry: walkdir::Result<DirEntry>) {
        // Neither directories nor what could block its reader.
        if entry.as_ref().is_ok_and(|entry| !entry.file_type().is_file()) {
            return;
        }
        let listed =
            |entry: DirEntry| Ok(Listed { len: entry.metadata()?.len(), path: entry.into_path().into() });
        match entry.and_then(listed) {
            Ok(file) => self.push(file),
            Err(e) => {
                let path = e.path().map(OsString::from).unwrap_or_default();
                let reason = e.io_error().map_or_else(|| e.to_string(), ToString::to_string);
                self.unreadable.insert(path, reason);
            }
        }
    }

    fn push(&mut self, file: Listed) {
        self.bytes += file.len;
        let has_room = |b: &&mut Batch| b.bytes + file.len <= BATCH_BYTES && b.files.len() < BATCH_FILES;
        match self.batches.last_mut().filter(has_room) {
            Some(batch) => {
                batch.bytes += file.len;
                batch.files.push(file);
            }
            None => self.batches.push(Batch { bytes: file.len, files: vec![file] }),
        }
    }
}

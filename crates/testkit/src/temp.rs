//! Folders for the files of a test.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::process::Stat;

static FOLDERS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// An empty folder of a test's own, removed with all that is in it when this is dropped.
///
/// What a process left that was killed is removed by the next that makes a folder.
#[derive(Debug)]
pub struct TempDir(PathBuf);

impl TempDir {
    /// Makes a folder where the system keeps temporary files.
    ///
    /// # Panics
    ///
    /// If the system refuses.
    #[allow(clippy::new_without_default)] // it does something
    pub fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let parent = std::env::temp_dir();
        let prefix = prefix();
        sweep(&parent, &prefix);
        let Stat { pid, started, .. } = Stat::this();
        let path = parent.join(format!("{prefix}{pid}-{started}-{}", MADE.fetch_add(1, Relaxed)));
        fs::create_dir(&path).unwrap_or_else(|e| panic!("cannot make the folder {}: {e}", path.display()));
        folders().insert(path.clone());
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        folders().remove(&self.0);
        // What could not be removed now is swept later.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn folders() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every folder of this process, and all that is in them.
pub(crate) fn contents() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = folders().iter().cloned().collect();
    let mut next = 0;
    while let Some(path) = paths.get(next).cloned() {
        next += 1;
        if path.is_dir() && !path.is_symlink() {
            paths.extend(fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()));
        }
    }
    paths
}

/// What the names of these folders begin with: process numbers mean something in their namespace only.
fn prefix() -> String {
    let namespace = fs::metadata("/proc/self/ns/pid").map_or(0, |namespace| namespace.ino());
    format!("multiproc-testkit-{namespace}-")
}

/// Removes the folders of processes that are gone.
fn sweep(parent: &Path, prefix: &str) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let maker = entry.file_name().to_str().and_then(|name| maker(name.strip_prefix(prefix)?));
        if maker.is_some_and(|(pid, started)| !lives(pid, started)) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The process that made the folder whose name ends so.
fn maker(rest: &str) -> Option<(u32, u64)> {
    let (pid, rest) = rest.split_once('-')?;
    let (started, _) = rest.split_once('-')?;
    Some((pid.parse().ok()?, started.parse().ok()?))
}

fn lives(pid: u32, started: u64) -> bool {
    Stat::of(pid).is_some_and(|stat| stat.started == started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_removed_with_what_is_in_it() {
        let folder = TempDir::new();
        let path = folder.path().to_owned();
        fs::create_dir(path.join("sub")).unwrap();
        fs::write(path.join("sub/file"), "x").unwrap();
        assert!(contents().contains(&path.join("sub/file")));
        drop(folder);
        assert!(!path.exists());
        assert!(!contents().contains(&path));
    }

    #[test]
    fn what_a_dead_process_left_is_swept_and_nothing_else() {
        let parent = TempDir::new();
        let Stat { pid, started, .. } = Stat::this();
        let prefix = prefix();
        let stays =
            [format!("{prefix}{pid}-{started}-0"), format!("{prefix}x"), format!("other-{}-2-3", u32::MAX)];
        let goes = [format!("{prefix}{pid}-{}-0", started + 1), format!("{prefix}{}-{started}-0", u32::MAX)];
        for name in stays.iter().chain(&goes) {
            fs::create_dir(parent.path().join(name)).unwrap();
        }
        sweep(parent.path(), &prefix);
        assert!(stays.iter().all(|name| parent.path().join(name).exists()));
        assert!(!goes.iter().any(|name| parent.path().join(name).exists()));
    }
}

//! Folders that only one process sees, mounted over those of the machine.

use std::fs;
use std::io;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

use crate::needs;

/// Has this process see mounts of its own from now on, and what it forks or executes. It is to be a fork with one thread.
///
/// `false`: the machine forbids it, as containers do; then the caller has nothing to show, see [`needs`](crate::needs()).
///
/// # Panics
///
/// If the machine forbids it in the continuous integration.
pub fn own_mounts() -> bool {
    match separate() {
        Ok(()) => true,
        Err(error) => needs(&format!("namespaces, which this machine forbids: {error}"), false),
    }
}

/// As [`own_mounts`]. Where it fails, the process may be halfway there, with no user.
pub(crate) fn separate() -> io::Result<()> {
    let (user, group) = (geteuid(), getegid());
    if unshare(CloneFlags::CLONE_NEWNS).is_err() {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        // Without them the process is nobody in there, and can make no file.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{user} {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("{group} {group} 1"))?;
    }
    Ok(mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?)
}

/// Mounts a new file system of this kind at a path.
///
/// # Errors
///
/// The kernel knows no such kind or options.
pub fn mount_new(kind: &str, at: impl AsRef<Path>, options: &str) -> io::Result<()> {
    Ok(mount(Some(kind), at.as_ref(), Some(kind), MsFlags::empty(), Some(options))?)
}

/// Shows this process a folder at another place.
///
/// # Errors
///
/// One of them is not there.
pub fn bind(from: impl AsRef<Path>, at: impl AsRef<Path>) -> io::Result<()> {
    Ok(mount(Some(from.as_ref()), at.as_ref(), None::<&str>, MsFlags::MS_BIND, None::<&str>)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fork::{fork, reap};

    #[test]
    fn what_is_mounted_in_a_fork_is_seen_there_alone() {
        let dir = crate::TempDir::new();
        let child = fork(|| {
            if !own_mounts() {
                return;
            }
            mount_new("tmpfs", dir.path(), "size=1m").unwrap();
            std::fs::write(dir.path().join("file"), "text").unwrap();
            bind(dir.path(), "/dev/shm").unwrap();
            assert!(Path::new("/dev/shm/file").exists());
        });
        assert_eq!(reap(child), 0);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

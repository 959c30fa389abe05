//! Folders that only one process sees, mounted over those of the machine.

use std::io;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

/// Has this process see mounts of its own from now on, and what it forks or executes. It is to be a fork with one thread.
///
/// `false`: the machine forbids it, as containers do; then the caller has nothing to show. In the continuous integration (`CI` in the
/// environment) that is a failure.
///
/// # Panics
///
/// If the machine allows some of it and not the rest.
pub fn own_mounts() -> bool {
    let (user, group) = (geteuid(), getegid());
    if unshare(CloneFlags::CLONE_NEWNS).is_err() {
        if let Err(error) = unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS) {
            assert!(std::env::var_os("CI").is_none(), "this machine forbids namespaces: {error}");
            eprintln!("not shown, as this machine forbids namespaces: {error}");
            return false;
        }
        // Without them the process is nobody in there, and can make no file.
        write("/proc/self/setgroups", "deny");
        write("/proc/self/uid_map", &format!("{user} {user} 1"));
        write("/proc/self/gid_map", &format!("{group} {group} 1"));
    }
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .expect("mounts of one's own can be made private");
    true
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

fn write(path: &str, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{path}: {error}"));
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

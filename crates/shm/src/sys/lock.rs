//! Locks of a list of names: of the living, which end with the last descriptor, in forks too, and of who sweeps, which is this process's alone.
//! Who looks whether one is held does not take it.

use std::fs::File;
use std::io;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// What is locked: a byte each, beside the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// By the process whose file it is, for as long as it or a fork of it lives.
    Life,
    /// By the process that sweeps what that one has left. No fork of it has this lock: it ends with the process. It also ends when the process
    /// closes any descriptor of the file, and does not keep a second thread out, so that threads come one after the other.
    Sweep,
}

fn lock(kind: libc::c_int, what: What) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: what as libc::off_t,
        l_len: 1,
        l_pid: 0,
    }
}

/// Takes the lock of a file that is open for writing if it can be had now.
pub(crate) fn try_lock(file: &File, what: What) -> io::Result<bool> {
    let lock = lock(libc::F_WRLCK, what);
    let taken = match what {
        What::Life => fcntl(file, FcntlArg::F_OFD_SETLK(&lock)),
        What::Sweep => fcntl(file, FcntlArg::F_SETLK(&lock)),
    };
    match taken {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether somebody else has the lock; by another opening of the file is somebody else. Nobody notices.
pub(crate) fn is_locked(file: &File, what: What) -> io::Result<bool> {
    let mut found = lock(libc::F_WRLCK, what);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut found))?;
    Ok(libc::c_int::from(found.l_type) != libc::F_UNLCK)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use multiproc_testkit::fork::{fork, idle, kill, outlive_parent, reap};
    use multiproc_testkit::{TempDir, Watchdog, eventually};

    use super::*;

    fn open(path: &Path) -> File {
        File::options().read(true).write(true).create(true).truncate(false).open(path).unwrap()
    }

    #[test]
    fn a_look_takes_nothing_and_the_bytes_are_apart() {
        let _watchdog = Watchdog::with_limit(60);
        let dir = TempDir::new();
        let path = dir.path().join("file");
        let (owner, other, looker) = (open(&path), open(&path), File::open(dir.path().join("file")).unwrap());
        assert!(!is_locked(&looker, What::Life).unwrap());
        assert!(try_lock(&owner, What::Life).unwrap());
        assert!(is_locked(&looker, What::Life).unwrap() && !is_locked(&looker, What::Sweep).unwrap());
        assert!(!try_lock(&other, What::Life).unwrap());
        assert!(!is_locked(&owner, What::Life).unwrap(), "not to who has it");
        assert!(try_lock(&other, What::Sweep).unwrap());
        let second = fork(|| {
            let own = open(&path);
            assert!(is_locked(&own, What::Sweep).unwrap() && !try_lock(&own, What::Sweep).unwrap());
        });
        assert_eq!(reap(second), 0);
        let copy = owner.try_clone().unwrap();
        drop(owner);
        assert!(is_locked(&looker, What::Life).unwrap(), "until the last copy is closed");
        drop(copy);
        assert!(!is_locked(&looker, What::Life).unwrap());
    }

    /// A fork of who is killed has all of its descriptors. It counts as the program, and does not sweep for it.
    #[test]
    fn a_fork_keeps_its_parents_life_and_not_its_sweeping() {
        let _watchdog = Watchdog::with_limit(60);
        let dir = TempDir::new();
        let (path, forked) = (dir.path().join("file"), dir.path().join("forked"));
        let looker = open(&path);
        let parent = fork(|| {
            let file = open(&path);
            assert!(try_lock(&file, What::Life).unwrap() && try_lock(&file, What::Sweep).unwrap());
            let child = fork(|| {
                outlive_parent();
                std::fs::write(&forked, std::process::id().to_string()).unwrap();
                // Until the test's folder goes, also where the test fails.
                for _ in 0..60_000 {
                    if !forked.exists() {
                        break;
                    }
                    std::thread::sleep(std::time::Duration::from_millis(1));
                }
            });
            std::mem::forget(child);
            idle()
        });
        let number = || std::fs::read_to_string(&forked).ok()?.parse::<u32>().ok();
        eventually("it has forked", || number().is_some());
        assert!(is_locked(&looker, What::Life).unwrap() && is_locked(&looker, What::Sweep).unwrap());
        kill(parent);
        assert!(is_locked(&looker, What::Life).unwrap(), "the fork lives");
        assert!(!is_locked(&looker, What::Sweep).unwrap());
        multiproc_testkit::kill(number().unwrap(), multiproc_testkit::Signal::SIGKILL).unwrap();
        eventually("the fork has ended", || !is_locked(&looker, What::Life).unwrap());
    }
}

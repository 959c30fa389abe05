//! Locks on open files, which end with the last descriptor of them, in forks too; who looks whether one is held does not take it.

use std::fs::File;
use std::io;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// What is locked: a byte each, beside the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// By the process whose file it is, for as long as it lives.
    Life,
    /// By who sweeps what that process has left.
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

/// Takes the lock of a file that is open for writing if it can be had now, until every copy of the descriptor is closed, in forks too.
pub(crate) fn try_lock(file: &File, what: What) -> io::Result<bool> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&lock(libc::F_WRLCK, what))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Gives a lock up at once, also where a fork has a copy of the descriptor.
pub(crate) fn unlock(file: &File, what: What) {
    let _ = fcntl(file, FcntlArg::F_OFD_SETLK(&lock(libc::F_UNLCK, what))); // without a lock nothing happens
}

/// Whether somebody has the lock by another opening of the file. Nobody notices.
pub(crate) fn is_locked(file: &File, what: What) -> io::Result<bool> {
    let mut found = lock(libc::F_WRLCK, what);
    fcntl(file, FcntlArg::F_OFD_GETLK(&mut found))?;
    Ok(libc::c_int::from(found.l_type) != libc::F_UNLCK)
}

#[cfg(test)]
mod tests {
    use multiproc_testkit::TempDir;

    use super::*;

    #[test]
    fn a_look_takes_nothing_and_the_bytes_are_apart() {
        let dir = TempDir::new();
        let path = dir.path().join("file");
        let open =
            || File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        let (owner, sweeper, looker) = (open(), open(), File::open(dir.path().join("file")).unwrap());
        assert!(!is_locked(&looker, What::Life).unwrap());
        assert!(try_lock(&owner, What::Life).unwrap());
        assert!(is_locked(&looker, What::Life).unwrap() && !is_locked(&looker, What::Sweep).unwrap());
        assert!(!try_lock(&sweeper, What::Life).unwrap());
        assert!(try_lock(&sweeper, What::Sweep).unwrap() && !try_lock(&owner, What::Sweep).unwrap());
        assert!(!is_locked(&owner, What::Life).unwrap(), "not to who has it");
        let copy = owner.try_clone().unwrap();
        drop(owner);
        assert!(is_locked(&looker, What::Life).unwrap(), "until the last copy is closed");
        drop(copy);
        assert!(!is_locked(&looker, What::Life).unwrap());
        let copy = sweeper.try_clone().unwrap();
        unlock(&sweeper, What::Sweep);
        assert!(!is_locked(&looker, What::Sweep).unwrap(), "given up for all copies");
        drop(copy);
    }
}

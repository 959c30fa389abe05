//! What the kernel tells of another process. `unsafe`: pidfd_open(2), which libc does not wrap.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Sleep;

/// A process that has not been reaped, held so that its number cannot come to mean another.
#[derive(Debug)]
pub(crate) struct PidFd(OwnedFd);

impl PidFd {
    /// `None`: there is no process of this number.
    pub(crate) fn open(pid: u32) -> io::Result<Option<Self>> {
        // SAFETY: the call takes two integers and touches no memory.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
        if fd >= 0 {
            // SAFETY: a descriptor that the kernel has just made for us; pidfds are always closed on exec.
            return Ok(Some(Self(unsafe { OwnedFd::from_raw_fd(fd as i32) })));
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
            error => Err(error),
        }
    }

    /// Waits until every thread of the process has ended, for at most `timeout`.
    pub(crate) fn until_end(&self, timeout: Duration) -> Sleep {
        poll_for(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], timeout)
    }
}

/// Waits for `time`, or a signal.
pub(crate) fn pause(time: Duration) -> Sleep {
    poll_for(&mut [], time)
}

fn poll_for(fds: &mut [PollFd<'_>], timeout: Duration) -> Sleep {
    // Rounded up, so that a wait never ends before its time.
    let millis = (timeout + Duration::from_nanos(999_999)).as_millis();
    match poll(fds, PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)) {
        Ok(1..) => Sleep::Over,
        Err(Errno::EINTR) => Sleep::Interrupted,
        _ => Sleep::TimedOut,
    }
}

/// When a process was started, in ticks since the machine was. `None`: there is none of this number, or /proc is missing.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the program's name, may hold blanks and brackets; the 22nd is the 20th after its last one.
    let (_, after) = stat.rsplit_once(") ")?;
    after.split(' ').nth(19)?.parse().ok()
}

/// Whether a SIGKILL is on its way to any thread of the process: it will end, though it has not yet.
pub(crate) fn is_being_killed(pid: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    tasks.flatten().any(|task| {
        let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let pending = |line: &str| {
            let set = line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:"))?;
            u64::from_str_radix(set.trim(), 16).ok()
        };
        status.lines().filter_map(pending).any(|set| set & 1 << (libc::SIGKILL - 1) != 0)
    })
}

/// Where the facts of /proc that tell processes apart mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Namespaces {
    /// Of process numbers, by inode number.
    pub(crate) pid: u64,
    /// Of clocks, and so of start times, by inode number; 0 before Linux 5.6.
    pub(crate) time: u64,
}

/// The namespaces of this process. An error if /proc is missing, or is that of another pid namespace.
pub(crate) fn namespaces() -> io::Result<Namespaces> {
    if fs::read_link("/proc/self")?.to_str() != Some(&std::process::id().to_string()) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let time = match fs::metadata("/proc/self/ns/time_for_children") {
        Ok(_) => fs::metadata("/proc/self/ns/time")?.ino(),
        Err(_) => 0,
    };
    Ok(Namespaces { pid: fs::metadata("/proc/self/ns/pid")?.ino(), time })
}

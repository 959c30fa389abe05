//! Starting this program anew in a child.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// Starts this process's own program anew, found by its inode even if its file was replaced or removed.
///
/// The descriptors in `keep` have the same numbers in the child; all others are closed, as far as they were opened
/// to be closed on exec. With `mute`, descriptor 1 is `/dev/null` there.
pub(crate) fn this_program(
    arguments: &[CString],
    environment: &[CString],
    keep: &[BorrowedFd<'_>],
    mute: bool,
) -> io::Result<u32> {
    let mut actions = PosixSpawnFileActions::init()?;
    for fd in keep {
        // Onto itself: the one action that takes the close-on-exec flag off in the child alone.
        actions.add_dup2(fd.as_raw_fd(), fd.as_raw_fd())?;
    }
    if mute {
        actions.add_open(libc::STDOUT_FILENO, c"/dev/null", OFlag::O_WRONLY, Mode::empty())?;
    }
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK)?;
    // Empty, whatever the thread that makes children blocks: a worker that blocks SIGTERM could not be ended.
    attributes.set_sigmask(&SigSet::empty())?;
    let pid = posix_spawn(c"/proc/self/exe", &actions, &attributes, arguments, environment)?;
    Ok(pid.as_raw() as u32)
}

/// Kills and reaps a child that has just been made and cannot be kept.
pub(crate) fn undo(pid: u32) {
    let pid = Pid::from_raw(pid as i32);
    // Errors say that it is gone already.
    let _ = kill(pid, Signal::SIGKILL);
    let _ = waitpid(pid, None);
}

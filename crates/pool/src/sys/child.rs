//! What a child asks the kernel about itself. `unsafe`: it takes over descriptors by number.
#![allow(unsafe_code)]

use std::ffi::{CString, OsStr};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::signal::Signal;

/// Has the kernel kill this process when the thread that made it ends, and says whether `parent` still lives.
pub(crate) fn die_with(parent: u32) -> io::Result<bool> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    // Looked up after arming: a parent that ended before leaves another number here.
    Ok(is_child_of(parent))
}

/// Whether this program has rights that whoever started it has not (setuid, setgid, capabilities of its file).
pub(crate) fn is_privileged() -> bool {
    // SAFETY: looks up a number that the kernel has left for the program.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Whether the calling thread is the first one of its process.
pub(crate) fn on_main_thread() -> bool {
    nix::unistd::gettid() == nix::unistd::getpid()
}

/// Whether `parent` is this process's parent now.
pub(crate) fn is_child_of(parent: u32) -> bool {
    nix::unistd::getppid().as_raw() as u32 == parent
}

/// The inode of an open descriptor; `None` if no descriptor has that number.
pub(crate) fn inode_of(fd: i32) -> Option<u64> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: `stat` is writable for a `stat` and lives across the call; a number that is not open is an error.
    if unsafe { libc::fstat(fd, stat.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded and has filled it.
    Some(unsafe { stat.assume_init() }.st_ino)
}

/// Takes over a descriptor that the parent left open for this process, and has it closed on exec.
///
/// # Safety
///
/// Nothing else in this process owns descriptor `fd`.
pub(crate) unsafe fn adopt(fd: i32) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise, and the number was found open.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    fcntl(&fd, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    Ok(fd)
}

/// Puts `stdout` in the place of descriptor 1.
pub(crate) fn restore_stdout(stdout: OwnedFd) -> io::Result<()> {
    Ok(nix::unistd::dup2_stdout(stdout)?)
}

/// Names this process, for `ps` and `top`, as its parent is named: it was started by way of `/proc/self/exe`, and would be
/// called `exe`.
pub(crate) fn take_name(program: &OsStr) {
    let Some(name) = Path::new(program).file_name() else { return };
    // The kernel cuts what is too long. Without the name everything else works.
    let _ = match CString::new(name.as_bytes()) {
        Ok(name) if on_main_thread() => nix::sys::prctl::set_name(&name).map_err(io::Error::from),
        // The hook of a test runs on a thread of the harness's; this names the process all the same, at ten times the cost.
        _ => std::fs::write("/proc/self/comm", name.as_bytes()),
    };
}

/// Ends a stray fork of a worker, without running what its parent registered for its own end.
pub(crate) fn leave() -> ! {
    // SAFETY: `_exit` takes an integer and does not return.
    unsafe { libc::_exit(0) }
}

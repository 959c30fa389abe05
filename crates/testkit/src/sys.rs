//! The system calls of this crate. `unsafe`: a change of the environment, limits and rights, an end without handlers.
#![allow(unsafe_code)]

pub(crate) mod futex;
pub(crate) mod memory;
pub(crate) mod trace;

use std::fs::File;
use std::io;

use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{self, Signal};
use nix::unistd::{self, Pid};

/// Sends `signal` to the process `pid`.
pub(crate) fn kill(pid: u32, signal: Signal) -> io::Result<()> {
    // 0 and negative numbers are whole groups of processes.
    let pid = i32::try_from(pid).ok().filter(|pid| *pid > 0);
    let pid = pid.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no process has this number"))?;
    Ok(signal::kill(Pid::from_raw(pid), signal)?)
}

/// The number of the calling thread.
pub(crate) fn thread_id() -> u32 {
    unistd::gettid().as_raw().cast_unsigned()
}

/// A file without a name, gone with the last process that has it open.
pub(crate) fn nameless_file() -> io::Result<File> {
    Ok(memfd_create("testkit", MFdFlags::MFD_CLOEXEC)?.into())
}

/// Writes to the standard error, past the harness, which keeps what `eprint!` writes, and past the lock of
/// `std::io::stderr`, which a thread that hangs may hold.
pub(crate) fn write_to_stderr(mut text: &[u8]) {
    while let Ok(written @ 1..) = unistd::write(io::stderr(), text) {
        text = &text[written..];
    }
}

/// Sets a variable in the environment that processes started from now on inherit.
pub(crate) fn set_variable(name: &str, value: &str) {
    // SAFETY: std's readers and writers hold a lock of its own, and nothing in a test binary of this workspace reads
    // the environment behind std's back while tests run.
    unsafe { std::env::set_var(name, value) };
}

/// Ends the process at once, without exit handlers.
pub(crate) fn exit(status: i32) -> ! {
    // SAFETY: nothing of this process goes on.
    unsafe { libc::_exit(status) }
}

/// Signals that dump core leave no file from now on, in this process and in what it starts.
pub(crate) fn forbid_core_files() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: reads into a structure that lives across the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_CORE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    limit.rlim_cur = 0;
    // SAFETY: reads a structure that lives across the call.
    match unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Gives up every capability of the calling thread, for good.
pub(crate) fn give_up_rights() -> io::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let header = Header { version: VERSION_3, pid: 0 };
    let none = [0_u32; 6]; // effective, permitted and inheritable, in two halves
    // SAFETY: header and data are as version 3 of the call has them, and live across it.
    match unsafe { libc::syscall(libc::SYS_capset, &raw const header, none.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

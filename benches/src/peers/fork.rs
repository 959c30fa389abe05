//! Bare forks, for floors. `unsafe`: a fork is sound while its process has one thread, which is checked first.
#![allow(unsafe_code)]

use std::fs;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use crate::Result;
use crate::session::{Setting, Start};

/// `process.start`: fork, end at once, wait.
pub(crate) fn start(_: &Setting) -> Result<Start> {
    let forks = Forks::of_one_thread()?;
    Start::here(move || {
        wait(forks.start(|| {})?)?;
        Ok(1)
    })
}

/// The right to fork: a session that holds it starts no thread.
#[derive(Debug)]
pub(crate) struct Forks {
    not_send: PhantomData<*const ()>,
}

impl Forks {
    pub(crate) fn of_one_thread() -> Result<Self> {
        match fs::read_dir("/proc/self/task")?.count() {
            1 => Ok(Self { not_send: PhantomData }),
            threads => Err(format!("cannot fork: this process has {threads} threads").into()),
        }
    }

    /// Runs `child` in a fork, which ends then.
    pub(crate) fn start(&self, child: impl FnOnce()) -> Result<Pid> {
        // SAFETY: this process has one thread, as `of_one_thread` saw and its caller keeps up, so no lock is held by
        // a thread that the child lacks.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => Ok(child),
            ForkResult::Child => {
                let code = i32::from(catch_unwind(AssertUnwindSafe(child)).is_err());
                // SAFETY: ends the process without the parent's exit handlers; nothing runs after it.
                unsafe { libc::_exit(code) }
            }
        }
    }
}

/// Waits for a child that must end well.
pub(crate) fn wait(child: Pid) -> Result<()> {
    match waitpid(child, None)? {
        WaitStatus::Exited(_, 0) => Ok(()),
        other => Err(format!("a child ended badly: {other:?}").into()),
    }
}

//! What can go wrong: starting, running, and in a task.

use std::fmt;
use std::io;
use std::process::ExitStatus;

use multiproc_ipc::EncodeError;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::remote_error::RemoteError;
use crate::task::Refusal;

/// A process or a pool could not be started, or a task not be handed over.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The program has no entry hook, so a child would run the whole program again.
    #[error(
        "this program has no entry hook, and a child would run all of it again. Put #[multiproc::main] above fn main \
         (or multiproc::init(); as its first line), or #[multiproc::test] in the place of #[test]"
    )]
    MissingEntry,
    /// The hook for `main` was called on another thread, so that a child would do other things before it gets there.
    #[error(
        "init() was called on a thread that is not the main one: a child would run other code first. In tests write \
         #[multiproc::test] in the place of #[test]; in programs call init() first thing in main"
    )]
    EntryOffMain,
    /// This is a child that has not reached its entry hook yet: it may not start others.
    #[error(
        "this is a child process that has not reached its entry hook. Move the hook (#[multiproc::main] or \
         multiproc::init()) before the code that starts processes"
    )]
    InsideWorker,
    /// The function does not lie in the program itself, so that its address means nothing to a child.
    #[error(
        "{signature} does not lie in the program's own image, but in a shared library or in memory: wrap it in a \
         function of the program (or the program was linked with -z norelro, which hides its constants)"
    )]
    NotInImage {
        /// The function's type.
        signature: &'static str,
    },
    /// An argument cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// A number in the builder makes no sense.
    #[error("a pool of {workers} workers: it needs at least 1 and at most {max}")]
    Workers {
        /// What was asked for.
        workers: usize,
        /// The most that a pool takes.
        max: usize,
    },
    /// The pool has been closed.
    #[error("the pool is closed and takes no tasks")]
    Closed,
    /// This process is a fork of the one that made the pool: its workers are not ours.
    #[error("this process is a fork of the one that made the pool: make a pool here")]
    Forked,
    /// A process could not be made.
    #[error(
        "a process could not be started: {0}. Is /proc mounted, and are processes and open files within limits?"
    )]
    Start(#[source] io::Error),
    /// The kernel refused something that the pool needs.
    #[error("the kernel refused: {0}")]
    Kernel(#[source] io::Error),
}

/// How a process ended, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Death(pub(crate) Option<ExitStatus>);

impl Death {
    pub(crate) fn signal(self) -> Option<i32> {
        self.0.and_then(|s| std::os::unix::process::ExitStatusExt::signal(&s))
    }

    pub(crate) fn code(self) -> Option<i32> {
        self.0.and_then(|s| s.code())
    }
}

/// The death that an error's fields tell of.
fn manner(signal: Option<i32>, code: Option<i32>) -> Death {
    let raw = signal.or(code.map(|c| (c & 0xff) << 8));
    Death(raw.map(std::os::unix::process::ExitStatusExt::from_raw))
}

/// `by signal 9 (SIGKILL)`, `with exit code 3`.
impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.signal(), self.code()) {
            (Some(signal), _) => match nix::sys::signal::Signal::try_from(signal) {
                Ok(name) => write!(f, "by signal {signal} ({name})"),
                Err(_) => write!(f, "by signal {signal}"),
            },
            (None, Some(code)) => write!(f, "with exit code {code}"),
            (None, None) => f.write_str("unseen: another part of the program waited for it"),
        }
    }
}

/// A panic that happened in another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Panic {
    /// What the panic said; a payload that is no text is described.
    pub message: String,
    /// `file:line:column`, where it is known.
    pub location: Option<String>,
    /// The backtrace, if `RUST_BACKTRACE` asks for one.
    pub backtrace: Option<String>,
    /// The process it happened in.
    pub pid: u32,
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked (pid {})", self.pid)?;
        if let Some(location) = &self.location {
            write!(f, " at {location}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// A task gave no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The task returned an error of its own (`try_` methods only).
    #[error("{0}")]
    Failed(RemoteError),
    /// The task panicked. Its worker goes on.
    #[error("the task {0}")]
    Panicked(Panic),
    /// The worker process died while it ran the task: a crash, an exit, an abort, a kill.
    #[error("worker {pid} died {} while it ran the task (attempt {attempts})", manner(*signal, *code))]
    WorkerDied {
        /// The process that died.
        pid: u32,
        /// The signal that killed it.
        signal: Option<i32>,
        /// The code it exited with.
        code: Option<i32>,
        /// How many workers the task has cost.
        attempts: u32,
    },
    /// Workers die before they can take a task, again and again: the pool has given up.
    #[error("no worker gets through its start: {reason}")]
    WorkersFail {
        /// How the last one failed.
        reason: String,
    },
    /// The argument or the result is no value of its type at the other end, or the result cannot be encoded.
    #[error("{0}")]
    Codec(String),
    /// The worker refused to run the task.
    #[error("the worker refused the task: {0}")]
    Refused(#[from] Refusal),
    /// The pool ended before the task did.
    #[error("the pool ended before the task did")]
    PoolClosed,
    /// The task was never handed over.
    #[error(transparent)]
    NotSubmitted(#[from] PoolError),
}

/// A process gave no result.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// Its function panicked.
    #[error("the process {0}")]
    Panicked(Panic),
    /// It died before its function returned: a crash, an exit, an abort, a kill.
    #[error(
        "process {pid} died {}{} before it returned",
        manner(*signal, *code),
        if *core_dumped { ", core dumped," } else { "" }
    )]
    Died {
        /// The process.
        pid: u32,
        /// The signal that killed it.
        signal: Option<i32>,
        /// The code it exited with.
        code: Option<i32>,
        /// Whether the kernel wrote a core file.
        core_dumped: bool,
    },
    /// The argument or the result is no value of its type at the other end, or the result cannot be encoded.
    #[error("{0}")]
    Codec(String),
    /// It refused to run its function.
    #[error("the process refused to run: {0}")]
    Refused(#[from] Refusal),
    /// The kernel refused to let us wait.
    #[error("cannot wait for the process: {0}")]
    Wait(#[source] io::Error),
}

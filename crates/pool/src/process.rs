//! `Process`: a function in a process of its own.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::BorrowedFd;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use multiproc_ipc::{Message, Polled, RecvError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::child::Child;
use crate::entry;
use crate::error::{Death, PoolError, ProcessError};
use crate::request::{self, Hello, request};
use crate::supervisor::{self, Line};
use crate::sys::thread::Affinity;
use crate::sys::wait;

/// A function that runs in a process of its own.
///
/// The function is an `fn(A) -> R`: a function, or a closure that captures nothing. The child is this same program,
/// started anew; it enters the hook at the start of `main` (or of the test) and runs the function there. Its
/// argument and its result travel as messages, with descriptors if they hold any.
///
/// # Death
///
/// A child that crashes, exits or is killed is an error that names the signal or the code. When this process ends, in
/// whatever way, the kernel kills its children. Dropping a `Process` leaves the child running and lets go of its
/// result; no zombie stays. In a fork of this process the handle can do nothing.
///
/// # Cost
///
/// Starting the program: about a millisecond, most of it the kernel's and the loader's.
///
/// # Examples
///
/// ```
/// use multiproc_pool::{Process, ProcessError};
///
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     multiproc_pool::init();
///     let sum = Process::spawn(|numbers: Vec<u32>| numbers.iter().sum::<u32>(), vec![1, 2, 3])?;
///     assert_eq!(sum.join()?, 6);
///
///     let crash = Process::spawn(|()| std::process::abort(), ())?;
///     let pid = crash.pid();
///     let error: ProcessError = crash.join().map(|never: ()| never).unwrap_err();
///     assert_eq!(error.to_string(), format!("process {pid} died by signal 6 (SIGABRT) before it returned"));
///     Ok(())
/// }
/// ```
#[doc(alias = "multiprocessing.Process")]
#[doc(alias = "fork")]
pub struct Process<R> {
    child: Child,
    name: String,
    /// The child's answer, once it has come, or why it was lost on the way.
    answer: Option<Result<Message, RecvError>>,
    result: PhantomData<fn() -> R>,
}

/// What a [`Process`] is started with, beside its function.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ProcessBuilder {
    name: Option<String>,
}

impl ProcessBuilder {
    /// A name for people, in the place of `Process-N`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Starts the process.
    ///
    /// # Errors
    ///
    /// As [`Process::spawn`].
    pub fn spawn<A, R>(self, function: fn(A) -> R, argument: A) -> Result<Process<R>, PoolError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        static STARTED: AtomicU64 = AtomicU64::new(1);
        let entry = entry::entry()?;
        let request = request(function, &argument)?;
        let messages = [&Hello::message(true).map_err(PoolError::Start)?, &request];
        let line = Line::with(&messages).map_err(PoolError::Kernel)?;
        let child = supervisor::start(entry, Affinity::of_this_thread(), line).map_err(PoolError::Start)?;
        let name = self.name.unwrap_or_else(|| format!("Process-{}", STARTED.fetch_add(1, Relaxed)));
        Ok(Process { child, name, answer: None, result: PhantomData })
    }
}

impl<R> Process<R> {
    /// The child's process number.
    pub fn pid(&self) -> u32 {
        self.child.pid()
    }

    /// Its name: `Process-N`, unless the builder was given another.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it still runs. Does not wait.
    #[doc(alias = "is_running")]
    pub fn is_alive(&self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// How it ended; `None` while it runs, or if another part of the program took the status. Does not wait.
    #[doc(alias = "exitcode")]
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten().flatten()
    }

    /// Asks it to end, with SIGTERM.
    ///
    /// # Errors
    ///
    /// The kernel's refusal. A process that has ended is none.
    pub fn terminate(&self) -> io::Result<()> {
        self.child.signal(libc::SIGTERM)
    }

    /// Ends it at once, with SIGKILL.
    ///
    /// # Errors
    ///
    /// The kernel's refusal. A process that has ended is none.
    pub fn kill(&self) -> io::Result<()> {
        self.child.signal(libc::SIGKILL)
    }

    /// A descriptor that becomes readable when the process has ended, for `poll` and its kin.
    pub fn sentinel(&self) -> BorrowedFd<'_> {
        self.child.sentinel()
    }
}

impl Process<()> {
    /// Settings for a process that is to be started.
    pub fn builder() -> ProcessBuilder {
        ProcessBuilder::default()
    }
}

impl<R: DeserializeOwned> Process<R> {
    /// Starts a process that runs `function(argument)`.
    ///
    /// # Errors
    ///
    /// [`PoolError::MissingEntry`] if the program has no entry hook, [`PoolError::NotInImage`] for a function of a
    /// shared library, [`PoolError::Encode`] for an argument that cannot be sent, [`PoolError::Start`] if the kernel
    /// makes no process.
    pub fn spawn<A>(function: fn(A) -> R, argument: A) -> Result<Self, PoolError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize,
    {
        ProcessBuilder::default().spawn(function, argument)
    }

    /// Waits until the process has ended and gives what its function returned.
    ///
    /// # Errors
    ///
    /// The function panicked, or the process died before it returned.
    pub fn join(mut self) -> Result<R, ProcessError> {
        // Without a deadline it does not time out.
        self.wait(None).map_err(ProcessError::Wait)?;
        self.into_result()
    }

    /// As [`join`](Self::join), for at most `timeout`; then the process comes back, still running.
    ///
    /// # Errors
    ///
    /// The outer error is the process itself, after the time has passed.
    #[allow(clippy::result_large_err)] // the error is the handle itself
    pub fn join_timeout(mut self, timeout: Duration) -> Result<Result<R, ProcessError>, Self> {
        match self.wait(Instant::now().checked_add(timeout)) {
            Ok(true) => Ok(self.into_result()),
            Ok(false) => Err(self),
            Err(e) => Ok(Err(ProcessError::Wait(e))),
        }
    }

    /// Waits for the end, then takes the answer that is there; `false` at the deadline. The answer wakes nobody: its
    /// process is about to end, and a wake would hold it up.
    fn wait(&mut self, deadline: Option<Instant>) -> io::Result<bool> {
        while self.child.try_wait()?.is_none() {
            if !wait::until_any(&[self.child.sentinel()], deadline)? {
                return Ok(false);
            }
        }
        while self.answer.is_none() {
            self.answer = match self.child.socket.poll_recv() {
                Ok(Polled::Message(message)) => Some(message.load().map_err(RecvError::from)),
                Ok(Polled::Unread) => continue,
                // None came; the exit status tells why.
                Ok(_) => return Ok(true),
                Err(reason) => Some(Err(reason)),
            };
        }
        Ok(true)
    }

    fn into_result(mut self) -> Result<R, ProcessError> {
        match self.answer.take() {
            Some(Ok(answer)) => return Ok(request::result(answer)?),
            Some(Err(reason)) => {
                return Err(ProcessError::Codec(format!("the answer of the process was lost: {reason}")));
            }
            None => {}
        }
        let status = self.child.try_wait().map_err(ProcessError::Wait)?.flatten();
        let death = Death(status);
        let core_dumped = status.is_some_and(|s| std::os::unix::process::ExitStatusExt::core_dumped(&s));
        Err(ProcessError::Died { pid: self.pid(), signal: death.signal(), code: death.code(), core_dumped })
    }
}

impl<R> fmt::Debug for Process<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("name", &self.name)
            .field("pid", &self.pid())
            .field("exit_status", &self.exit_status())
            .finish_non_exhaustive()
    }
}

//! `Thread`: a thread, and the right to what its function returns.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

use multiproc_sync::interrupt;

use super::builder::Builder;
use super::error::{EndError, JoinError, StartError};
use super::here;
use super::phase::{Phase, Unstarted};
use super::record::Record;
use super::reference::ThreadRef;
use super::start::{Launch, Running};
use super::worker::Worker;

/// A thread, and the right to what its function returns.
///
/// What there is to know about it, [`ThreadRef`] says, which this is, too.
///
/// ```
/// use multiproc_thread::Thread;
///
/// let sum = Thread::spawn(|| (1..=4).sum::<u32>())?;
/// assert_eq!(sum.join().unwrap(), 10);
///
/// let later = Thread::new(|| 7);
/// assert!(!later.is_alive());
/// later.start()?;
/// assert_eq!(later.join().unwrap(), 7);
/// # Ok::<(), multiproc_thread::StartError>(())
/// ```
///
/// # What happens to it
///
/// | event | effect |
/// |---|---|
/// | its function panics | [`JoinError::Panicked`] with message and place; nobody else notices |
/// | the handle is dropped | the thread goes on, and its result is dropped in it; if it has ended already, by who drops the handle. One that was not started never is |
/// | it calls `std::process::exit` | the program ends. Where that [waits](crate::join_at_exit) for the one that joins it: [`JoinError::Exited`] |
/// | the handle is leaked | the system keeps the stack of the thread after its end |
/// | the program ends | the thread ends with it, wherever it is, unless [`scope_main`](crate::scope_main) or [`join_at_exit`](crate::join_at_exit) waits for it |
/// | `fork` | the child has no such thread: to start or join it there is an error. It may start threads of its own, unless one of the parent's was just starting or ending: the standard library has a lock then, which nobody opens in the child |
///
/// # Cost
///
/// What the standard library's costs, and some hundred nanoseconds: a record, a name, an entry in a list.
#[doc(alias = "threading.Thread")]
#[doc(alias = "JoinHandle")]
pub struct Thread<T> {
    thread: ThreadRef,
    phase: Phase<Launch<T>, Running<T>>,
}

impl Thread<()> {
    /// Settings for a thread: name, daemon, stack size, hook.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl<T: Send + 'static> Thread<T> {
    /// Starts a thread that runs `function`.
    ///
    /// # Errors
    ///
    /// [`StartError::System`], which drops the function. To try again with it, make the thread by [`new`](Self::new).
    #[doc(alias = "start_new_thread")]
    pub fn spawn(function: impl FnOnce() -> T + Send + 'static) -> Result<Self, StartError> {
        Builder::default().spawn(function)
    }

    /// A thread that is to be [started](Self::start).
    pub fn new(function: impl FnOnce() -> T + Send + 'static) -> Self {
        Builder::default().prepare(function)
    }

    /// Starts a thread that [runs](Worker::run) `worker`, which the caller has as well.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    pub fn spawn_worker<W: Worker<Output = T>>(worker: Arc<W>) -> Result<Self, StartError> {
        Builder::default().spawn_worker(worker)
    }
}

impl<T> Thread<T> {
    pub(super) fn prepared(record: Arc<Record>, launch: Launch<T>) -> Self {
        Self { thread: ThreadRef(record), phase: Phase::prepared(launch) }
    }

    pub(super) fn running(record: Arc<Record>, running: Running<T>) -> Self {
        Self { thread: ThreadRef(record), phase: Phase::running(running) }
    }

    /// Starts it. Several threads may try: one succeeds, and the others are told that it was.
    ///
    /// ```
    /// use multiproc_thread::{StartError, Thread};
    ///
    /// let thread = Thread::new(|| "once");
    /// thread.start()?;
    /// assert!(matches!(thread.start(), Err(StartError::AlreadyStarted)));
    /// assert_eq!(thread.join().unwrap(), "once");
    /// # Ok::<(), multiproc_thread::StartError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StartError::AlreadyStarted`]; [`StartError::System`], after which it may be tried again, and so after
    /// [`StartError::Name`] with another name; [`StartError::Forked`].
    pub fn start(&self) -> Result<(), StartError> {
        let record = &self.thread.0;
        if !record.made_by.is_ours() {
            return Err(StartError::Forked);
        }
        let begun = self.phase.start(|launch| launch(record));
        begun.map_err(|unstarted| match unstarted {
            Unstarted::Already => StartError::AlreadyStarted,
            Unstarted::Refused(reason) => reason,
        })
    }

    /// Waits until the thread has ended, and gives what its function returned. All that it had in thread-locals is dropped by then.
    ///
    /// # Errors
    ///
    /// [`JoinError::Panicked`]; [`JoinError::Exited`]; [`JoinError::NotStarted`] and [`JoinError::Oneself`], where this would wait for ever;
    /// [`JoinError::Cancelled`] and [`JoinError::Interrupted`], after which nobody has the right to the result any more: who wants to go
    /// on [waits](ThreadRef::wait) first, or joins inside [`masked`](multiproc_sync::interrupt::masked).
    pub fn join(self) -> Result<T, JoinError> {
        match self.wait_until_gone(None) {
            Ok(()) => self.into_result(),
            Err(error) => Err(error.into()),
        }
    }

    /// As [`join`](Self::join), if it has ended already; else the thread comes back. As this waits for nothing, no cancellation ends it.
    ///
    /// # Errors
    ///
    /// The outer error is the thread itself, still running.
    #[allow(clippy::result_large_err)] // the error is the handle itself
    pub fn try_join(self) -> Result<Result<T, JoinError>, Self> {
        match self.thread.can_be_waited_for() {
            Ok(()) if self.thread.0.gone.is_set() => Ok(self.into_result()),
            Ok(()) => Err(self),
            Err(error) => Ok(Err(error.into())),
        }
    }

    /// As [`join`](Self::join), for at most `timeout`; then the thread comes back, still running.
    ///
    /// ```
    /// use std::time::Duration;
    /// use multiproc_thread::Thread;
    ///
    /// let (tell, told) = std::sync::mpsc::channel();
    /// let thread = Thread::spawn(move || told.recv())?;
    /// let thread = thread.join_timeout(Duration::from_millis(1)).expect_err("nothing was told");
    /// assert!(thread.is_alive());
    /// tell.send(3)?;
    /// assert_eq!(thread.join().unwrap(), Ok(3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The outer error is the thread itself, after the time has passed.
    #[allow(clippy::result_large_err)] // the error is the handle itself
    pub fn join_timeout(self, timeout: Duration) -> Result<Result<T, JoinError>, Self> {
        // None: longer than a clock can say.
        self.join_until(Instant::now().checked_add(timeout))
    }

    /// As [`join_timeout`](Self::join_timeout), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](Self::join_timeout).
    #[allow(clippy::result_large_err)] // the error is the handle itself
    pub fn join_deadline(self, deadline: Instant) -> Result<Result<T, JoinError>, Self> {
        self.join_until(Some(deadline))
    }

    /// To refer to it without its result.
    pub fn thread(&self) -> &ThreadRef {
        &self.thread
    }

    #[allow(clippy::result_large_err)] // the error is the handle itself
    fn join_until(self, deadline: Option<Instant>) -> Result<Result<T, JoinError>, Self> {
        match self.wait_until_gone(deadline) {
            Ok(()) => Ok(self.into_result()),
            Err(EndError::TimedOut) => Err(self),
            Err(error) => Ok(Err(error.into())),
        }
    }

    fn wait_until_gone(&self, deadline: Option<Instant>) -> Result<(), EndError> {
        self.thread.can_be_waited_for()?;
        let gone = &self.thread.0.gone;
        match deadline {
            Some(deadline) => gone.wait_deadline(deadline),
            // The system's join, which comes next, waits as well: to sleep twice costs microseconds. It does not hear of a thread
            // that exits, which may wait for this one.
            None if !interrupt::is_possible() && !here::is_held() => Ok(()),
            None => gone.wait(),
        }?;
        Ok(())
    }

    /// What a thread that is gone has left.
    fn into_result(self) -> Result<T, JoinError> {
        let Self { thread, phase } = self;
        let running = phase.into_running().ok_or(JoinError::NotStarted)?;
        if thread.0.has_exited() {
            return Err(JoinError::Exited);
        }
        match running.join(|| thread.name()) {
            Some(result) => result.map_err(JoinError::Panicked),
            // Nobody else takes it.
            None => Err(JoinError::NotStarted),
        }
    }
}

impl From<EndError> for JoinError {
    fn from(error: EndError) -> Self {
        match error {
            EndError::NotStarted => Self::NotStarted,
            EndError::Oneself => Self::Oneself,
            EndError::Forked => Self::Forked,
            EndError::Cancelled => Self::Cancelled,
            // A join without a time has none that could be over.
            EndError::TimedOut | EndError::Interrupted => Self::Interrupted,
        }
    }
}

impl<T> Deref for Thread<T> {
    type Target = ThreadRef;

    fn deref(&self) -> &ThreadRef {
        &self.thread
    }
}

impl<T> fmt::Debug for Thread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").field("thread", &self.thread).finish_non_exhaustive()
    }
}

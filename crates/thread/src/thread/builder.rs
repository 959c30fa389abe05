//! What a thread is started with, beside its function.

use std::fmt;
use std::sync::Arc;

use super::error::StartError;
use super::handle::Thread;
use super::here;
use super::name;
use super::panic::Panic;
use super::record::{Origin, Record};
use super::start::{self, OnPanic, Plan};
use super::worker::Worker;
use crate::CancelToken;

/// What a thread is started with, beside its function.
///
/// ```
/// use multiproc_thread::Thread;
///
/// let thread = Thread::builder().name("gardener").daemon(true).stack_size(256 << 10).spawn(|| "watered")?;
/// assert!(thread.is_daemon());
/// assert_eq!(thread.name(), "gardener");
/// assert_eq!(thread.join().unwrap(), "watered");
/// # Ok::<(), multiproc_thread::StartError>(())
/// ```
#[derive(Default)]
#[must_use]
pub struct Builder {
    name: Option<String>,
    daemon: Option<bool>,
    stack_size: Option<usize>,
    on_panic: Option<OnPanic>,
    cancel_token: Option<CancelToken>,
}

impl Builder {
    /// Settings as of [`Thread::spawn`].
    pub fn new() -> Self {
        Self::default()
    }

    /// A name for people, in the place of `Thread-N (function)`. One with a NUL is an error at the start.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether the program may [end](crate::scope_main) without waiting for the thread. Unless this is called, it is a daemon if the
    /// thread that makes it was started as one by this crate.
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.daemon = Some(daemon);
        self
    }

    /// The size of its stack in bytes, which the system rounds up. Else it is what `RUST_MIN_STACK` says, or 2 MiB.
    #[doc(alias = "threading.stack_size")]
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = Some(bytes);
        self
    }

    /// Called in the thread with the panic that it ends with, in the place of the process's
    /// [panic hook](std::panic::set_hook), which hears of none of its panics: so those that its function catches itself are silent.
    /// The hook comes when the function is unwound, and may panic, too: that one is told by the process's hook. So is a panic that ends the
    /// process, as one in a destructor while another unwinds does: nobody else could tell of it.
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use multiproc_thread::Thread;
    ///
    /// let (log, lines) = mpsc::channel();
    /// let builder = Thread::builder().name("cook").on_panic(move |panic| drop(log.send(panic.to_string())));
    /// let thread = builder.spawn(|| panic!("no salt"))?;
    /// assert!(thread.join().map(|never: ()| never).is_err());
    /// assert!(lines.recv()?.starts_with("thread 'cook' panicked at "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "excepthook")]
    pub fn on_panic(mut self, hook: impl FnOnce(&Panic) + Send + 'static) -> Self {
        self.on_panic = Some(Box::new(hook));
        self
    }

    /// Cancels the thread when `token` is cancelled: its own is a [child](CancelToken::child) of that one. Else it is nobody's.
    ///
    /// ```
    /// use std::time::Duration;
    /// use multiproc_thread::{CancelToken, Thread, WaitError, sleep};
    ///
    /// let request = CancelToken::new();
    /// let builder = Thread::builder().cancel_token(&request);
    /// let sleeper = builder.spawn(|| sleep(Duration::from_secs(3600)))?;
    /// request.cancel();
    /// assert_eq!(sleeper.join().unwrap(), Err(WaitError::Cancelled));
    /// # Ok::<(), multiproc_thread::StartError>(())
    /// ```
    pub fn cancel_token(mut self, token: &CancelToken) -> Self {
        self.cancel_token = Some(token.child());
        self
    }

    /// The thread's own token, which somebody else knows already.
    pub(crate) fn own_token(mut self, token: CancelToken) -> Self {
        self.cancel_token = Some(token);
        self
    }

    /// Starts a thread that runs `function`.
    ///
    /// # Errors
    ///
    /// [`StartError::Name`]; [`StartError::System`]. Both drop the function.
    pub fn spawn<F, T>(self, function: F) -> Result<Thread<T>, StartError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (record, plan) = self.plan(function, name::of_thread::<F>);
        let running = start::start(&record, plan)?;
        Ok(Thread::running(record, running))
    }

    /// A thread that is to be [started](Thread::start).
    pub fn prepare<F, T>(self, function: F) -> Thread<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let (record, plan) = self.plan(function, name::of_thread::<F>);
        Thread::prepared(record, start::prepare(plan))
    }

    /// Starts a thread that [runs](Worker::run) `worker`, named as the worker says if the builder was given no name.
    ///
    /// # Errors
    ///
    /// As [`spawn`](Self::spawn).
    pub fn spawn_worker<W: Worker>(mut self, worker: Arc<W>) -> Result<Thread<W::Output>, StartError> {
        self.name = Some(self.name_for(&*worker));
        self.spawn(move || worker.run())
    }

    /// As [`spawn_worker`](Self::spawn_worker), to be [started](Thread::start) later.
    pub fn prepare_worker<W: Worker>(mut self, worker: Arc<W>) -> Thread<W::Output> {
        self.name = Some(self.name_for(&*worker));
        self.prepare(move || worker.run())
    }

    fn name_for<W: Worker>(&mut self, worker: &W) -> String {
        self.name.take().or_else(|| worker.name()).unwrap_or_else(name::of_thread::<W>)
    }

    fn plan<F>(self, function: F, default_name: fn() -> String) -> (Arc<Record>, Plan<F>) {
        let Self { name, daemon, stack_size, on_panic, cancel_token } = self;
        let daemon = daemon.unwrap_or_else(here::is_daemon);
        let token = cancel_token.unwrap_or_default();
        let record = Record::new(name.unwrap_or_else(default_name), Origin::Ours { daemon }, Some(token));
        (record, Plan { function, on_panic, stack_size })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("daemon", &self.daemon)
            .field("stack_size", &self.stack_size)
            .finish_non_exhaustive()
    }
}

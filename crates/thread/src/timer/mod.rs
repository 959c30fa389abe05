//! `Timer`: a thread that calls a function after a while, once or again and again.

mod builder;
mod error;
mod schedule;
pub(crate) mod timing;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::builder::TimerBuilder;
pub use self::error::ZeroInterval;
use self::timing::Timing;
use crate::thread::{JoinError, StartError, Thread, ThreadRef};

/// A thread of its own that calls a function after a while: [`once`](Self::once), or [again and again](Self::repeating). The time runs from
/// [`start`](Self::start).
///
/// ```
/// use std::time::Duration;
/// use multiproc_thread::Timer;
///
/// let (lamp, alarm) = (
///     Timer::once(Duration::from_millis(1), || "off"),
///     Timer::once(Duration::from_secs(3600), || "rings"),
/// );
/// lamp.start()?;
/// alarm.start()?;
/// assert!(alarm.cancel());
/// assert_eq!(lamp.join().unwrap(), Some("off"));
/// assert_eq!(alarm.join().unwrap(), None); // at once
/// # Ok::<(), multiproc_thread::StartError>(())
/// ```
///
/// It is a [`ThreadRef`] as well: with a name, an ident, to be waited for. That one's [`cancel`](ThreadRef::cancel) is for the function, too.
///
/// # What happens to it
///
/// | event | effect |
/// |---|---|
/// | it is cancelled before it fires, or before its start | the function is never called, and dropped |
/// | it is cancelled later | nothing, or the firing under way is the last; the function and its waits are left alone |
/// | its [token](ThreadRef::cancel_token) is cancelled, by the function itself say | the firing is the last, and its further waits end |
/// | the function takes longer than the interval | firings that would have come meanwhile are skipped, and those after them come when they would have |
/// | the function panics | the timer ends: [`JoinError::Panicked`] |
/// | the handle is dropped | the timer goes on, if it was started |
/// | the program ends | as with other threads: see [`scope_main`](crate::scope_main) |
/// | a signal comes | it goes on: the [hook](multiproc_sync::interrupt) is asked about waits in the function only |
///
/// # Cost
///
/// A thread, which sleeps. For thousands of them at a time a single thread with a list is better.
#[doc(alias = "threading.Timer")]
pub struct Timer<R> {
    thread: Thread<R>,
    timing: Arc<Timing>,
}

impl Timer<()> {
    /// Settings for a timer: those of its thread, and a token.
    pub fn builder() -> TimerBuilder {
        TimerBuilder::default()
    }
}

impl<T: Send + 'static> Timer<Option<T>> {
    /// One that calls `function` once, `interval` after its [start](Self::start). It gives what that returned, or `None` if it was cancelled before.
    pub fn once(interval: Duration, function: impl FnOnce() -> T + Send + 'static) -> Self {
        TimerBuilder::default().once(interval, function)
    }
}

impl Timer<u64> {
    /// One that calls `function` whenever another `interval` has passed since its [start](Self::start), until it is cancelled. It gives how
    /// often it has.
    ///
    /// The beat is kept: a firing that comes late does not delay the next.
    ///
    /// ```
    /// use std::time::Duration;
    /// use multiproc_thread::{CancelToken, Timer};
    ///
    /// let mut left = 3;
    /// let countdown = Timer::repeating(Duration::from_millis(1), move || {
    ///     left -= 1;
    ///     if left == 0 {
    ///         CancelToken::current().unwrap().cancel();
    ///     }
    /// })?;
    /// countdown.start()?;
    /// assert_eq!(countdown.join()?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ZeroInterval`], which drops the function.
    pub fn repeating(
        interval: Duration,
        function: impl FnMut() + Send + 'static,
    ) -> Result<Self, ZeroInterval> {
        TimerBuilder::default().repeating(interval, function)
    }
}

impl<R> Timer<R> {
    /// Starts it: from now on its time runs. One that was cancelled ends at once.
    ///
    /// # Errors
    ///
    /// As [`Thread::start`]: [`StartError::AlreadyStarted`], [`StartError::System`] and [`StartError::Name`], after which it may be tried again,
    /// [`StartError::Forked`].
    pub fn start(&self) -> Result<(), StartError> {
        self.thread.start()
    }

    /// Keeps it from firing, from any thread; gives whether this came first: `true`, if it has not fired since its last time to,
    /// does not fire now, and never will. `false`, if it was cancelled before, if its function runs just now, and for one that fires
    /// once if it has: then no further firing begins.
    pub fn cancel(&self) -> bool {
        self.timing.cancel()
    }

    /// A handle to cancel it, also while another thread joins it.
    #[must_use]
    pub fn canceller(&self) -> TimerCanceller {
        TimerCanceller(self.timing.clone())
    }

    /// Waits until it has ended: has fired, or was cancelled and does not fire any more.
    ///
    /// # Errors
    ///
    /// As [`Thread::join`]: [`JoinError::Panicked`], if its function has, and those of the wait.
    pub fn join(self) -> Result<R, JoinError> {
        self.thread.join()
    }

    /// As [`join`](Self::join), if it has ended already; else the timer comes back.
    ///
    /// # Errors
    ///
    /// The outer error is the timer itself.
    #[allow(clippy::result_large_err)] // the error is the handle itself
    pub fn try_join(self) -> Result<Result<R, JoinError>, Self> {
        let Self { thread, timing } = self;
        thread.try_join().map_err(|thread| Self { thread, timing })
    }

    /// As [`join`](Self::join), for at most `timeout`; then the timer comes back.
    ///
    /// # Errors
    ///
    /// The outer error is the timer itself, after the time has passed.
    #[allow(clippy::result_large_err)] // the error is the handle itself
    pub fn join_timeout(self, timeout: Duration) -> Result<Result<R, JoinError>, Self> {
        let Self { thread, timing } = self;
        thread.join_timeout(timeout).map_err(|thread| Self { thread, timing })
    }

    /// As [`join_timeout`](Self::join_timeout), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`join_timeout`](Self::join_timeout).
    #[allow(clippy::result_large_err)] // the error is the handle itself
    pub fn join_deadline(self, deadline: Instant) -> Result<Result<R, JoinError>, Self> {
        let Self { thread, timing } = self;
        thread.join_deadline(deadline).map_err(|thread| Self { thread, timing })
    }
}

impl<R> Deref for Timer<R> {
    type Target = ThreadRef;

    fn deref(&self) -> &ThreadRef {
        &self.thread
    }
}

impl<R> fmt::Debug for Timer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("thread", &**self).finish_non_exhaustive()
    }
}

/// Cancels a [`Timer`], whoever has that.
///
/// ```
/// use std::time::Duration;
/// use multiproc_thread::Timer;
///
/// let timer = Timer::once(Duration::from_secs(3600), || ());
/// timer.start()?;
/// let canceller = timer.canceller();
/// std::thread::scope(|scope| {
///     let joined = scope.spawn(|| timer.join());
///     assert!(canceller.cancel());
///     assert_eq!(joined.join().unwrap().unwrap(), None);
/// });
/// # Ok::<(), multiproc_thread::StartError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TimerCanceller(Arc<Timing>);

impl TimerCanceller {
    /// As [`Timer::cancel`].
    pub fn cancel(&self) -> bool {
        self.0.cancel()
    }
}

//! What a timer is made with, beside its function.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Timer;
use super::error::ZeroInterval;
use super::schedule::Schedule;
use super::timing::Timing;
use crate::thread::{Panic, default_name};
use crate::{Builder, CancelToken};

/// What a timer is made with, beside its function: settings of its thread, as those of [`Builder`], and a token.
///
/// ```
/// use std::time::Duration;
/// use multiproc_thread::Timer;
///
/// let reminder = Timer::builder().name("reminder").daemon(true).once(Duration::from_millis(1), || "tea is ready");
/// reminder.start()?;
/// assert_eq!(reminder.name(), "reminder");
/// assert_eq!(reminder.join().unwrap(), Some("tea is ready"));
/// # Ok::<(), multiproc_thread::StartError>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct TimerBuilder {
    thread: Builder,
    is_named: bool,
    token: Option<CancelToken>,
}

impl TimerBuilder {
    /// As [`Builder::name`].
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.thread = self.thread.name(name);
        self.is_named = true;
        self
    }

    /// As [`Builder::daemon`]: whether the program may end while the timer waits.
    pub fn daemon(mut self, daemon: bool) -> Self {
        self.thread = self.thread.daemon(daemon);
        self
    }

    /// As [`Builder::stack_size`].
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.thread = self.thread.stack_size(bytes);
        self
    }

    /// As [`Builder::on_panic`].
    pub fn on_panic(mut self, hook: impl FnOnce(&Panic) + Send + 'static) -> Self {
        self.thread = self.thread.on_panic(hook);
        self
    }

    /// Cancels the timer when `token` is cancelled: its own is a [child](CancelToken::child) of that one. Else it is nobody's. The function
    /// runs in the scope of its own, finds it by [`CancelToken::current`], and its waits end with that, which [`ThreadRef::cancel`](crate::ThreadRef::cancel) cancels, too.
    /// [`Timer::cancel`] leaves it alone.
    pub fn cancel_token(mut self, token: &CancelToken) -> Self {
        self.token = Some(token.child());
        self
    }

    /// A timer that calls `function` once, `interval` after its start.
    pub fn once<F, T>(self, interval: Duration, function: F) -> Timer<Option<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.prepare(default_name::<F>, move |timing| {
            let due = Instant::now().checked_add(interval);
            (timing.wait_until(due) && timing.begin_firing()).then(function)
        })
    }

    /// A timer that calls `function` whenever another `interval` has passed since its start, until it is cancelled.
    ///
    /// # Errors
    ///
    /// [`ZeroInterval`].
    pub fn repeating<F>(self, interval: Duration, mut function: F) -> Result<Timer<u64>, ZeroInterval>
    where
        F: FnMut() + Send + 'static,
    {
        if interval.is_zero() {
            return Err(ZeroInterval);
        }
        Ok(self.prepare(default_name::<F>, move |timing| {
            let mut schedule = Schedule::new(Instant::now(), interval);
            let mut fired = 0;
            while timing.wait_until(schedule.next()) && timing.begin_firing() {
                function();
                fired += 1;
                timing.end_firing();
                schedule.fired(Instant::now());
            }
            fired
        }))
    }

    fn prepare<R: Send + 'static>(
        self,
        name: fn() -> String,
        run: impl FnOnce(&Timing) -> R + Send + 'static,
    ) -> Timer<R> {
        let Self { thread, is_named, token } = self;
        let thread = if is_named { thread } else { thread.name(name()) };
        let token = token.unwrap_or_default();
        let timing = Arc::new(Timing::new(&token));
        let of_thread = timing.clone();
        Timer { thread: thread.own_token(token).prepare(move || run(&of_thread)), timing }
    }
}

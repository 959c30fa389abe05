//! Waiting for a notification until a time.

use super::{ConditionView, Condvar, WaitGuard};
use crate::LockResult;
use crate::primitive::Deadline;

/// Whether the time has passed in which a wait was to end, as in the standard library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(pub(super) bool);

impl WaitTimeoutResult {
    /// Whether the time has passed.
    pub fn timed_out(self) -> bool {
        self.0
    }
}

impl Condvar {
    /// As [`wait`](Self::wait), for at most `timeout`. The guard comes back also when the time has passed, however long the mutex
    /// is held by others then.
    ///
    /// ```
    /// use std::time::Duration;
    /// use multiproc_sync::{Condvar, Mutex};
    /// let (done, changed) = (Mutex::new(false), Condvar::new());
    /// let guard = done.lock().unwrap();
    /// let (guard, result) = changed.wait_timeout_while(guard, Duration::from_millis(5), |done| !*done).unwrap();
    /// assert!(result.timed_out() && !*guard);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    #[cfg(not(multiproc_loom))]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn wait_timeout<G: WaitGuard>(
        &self,
        guard: G,
        timeout: std::time::Duration,
    ) -> LockResult<(G, WaitTimeoutResult)> {
        // None: longer than a clock can say.
        self.wait_until(guard, std::time::Instant::now().checked_add(timeout).as_ref())
    }

    /// As [`wait_while`](Self::wait_while), for at most `timeout` in all. `condition` decides: the time has passed only if it
    /// holds still.
    ///
    /// # Errors
    ///
    /// As [`wait_while`](Self::wait_while).
    #[cfg(not(multiproc_loom))]
    #[doc(alias = "wait_for")]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn wait_timeout_while<G: WaitGuard>(
        &self,
        guard: G,
        timeout: std::time::Duration,
        condition: impl FnMut(<G as ConditionView<'_>>::View) -> bool,
    ) -> LockResult<(G, WaitTimeoutResult)> {
        match std::time::Instant::now().checked_add(timeout) {
            Some(deadline) => self.wait_deadline_while(guard, deadline, condition),
            None => match self.wait_while(guard, condition) {
                Ok(guard) => Ok((guard, WaitTimeoutResult(false))),
                Err(error) => Err(error.map(|guard| (guard, WaitTimeoutResult(false)))),
            },
        }
    }

    /// As [`wait_timeout`](Self::wait_timeout), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn wait_deadline<G: WaitGuard>(
        &self,
        guard: G,
        deadline: Deadline,
    ) -> LockResult<(G, WaitTimeoutResult)> {
        self.wait_until(guard, Some(&deadline))
    }

    /// As [`wait_timeout_while`](Self::wait_timeout_while), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`wait_while`](Self::wait_while).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn wait_deadline_while<G: WaitGuard>(
        &self,
        mut guard: G,
        deadline: Deadline,
        mut condition: impl FnMut(<G as ConditionView<'_>>::View) -> bool,
    ) -> LockResult<(G, WaitTimeoutResult)> {
        let mut result = WaitTimeoutResult(false);
        loop {
            if !condition(guard.view()) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            if result.timed_out() {
                return Ok((guard, result));
            }
            (guard, result) = self.wait_until(guard, Some(&deadline))?;
            // Where others notify all the time the wait itself may never be late.
            #[cfg(not(multiproc_loom))]
            if std::time::Instant::now() >= deadline {
                result = WaitTimeoutResult(true);
            }
        }
    }
}

//! The waits of a cell that end.

use std::convert::Infallible;
#[cfg(not(multiproc_loom))]
use std::time::{Duration, Instant};

use super::OnceLock;
use crate::mutex::patience::Patience;
use crate::primitive::Deadline;
use crate::{OnceError, SetError, WaitError};

/// What is waited for is another that makes the value; what the caller makes itself takes as long as it takes.
impl<T> OnceLock<T> {
    /// As [`get_or_init`](Self::get_or_init), if nobody makes a value just now.
    ///
    /// # Errors
    ///
    /// As [`get_or_init`](Self::get_or_init); [`TimedOut`](OnceError::TimedOut) if somebody does.
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](Self::get_or_init).
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_get_or_init(&self, make: impl FnOnce() -> T) -> Result<&T, OnceError> {
        self.get_or_make(Patience::None, || Ok::<T, Infallible>(make()))
    }

    /// As [`get_or_init`](Self::get_or_init), but waits for another that makes a value for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`get_or_init`](Self::get_or_init); [`TimedOut`](OnceError::TimedOut) if the other was not through within the time.
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](Self::get_or_init).
    #[cfg(not(multiproc_loom))]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn get_or_init_timeout(&self, timeout: Duration, make: impl FnOnce() -> T) -> Result<&T, OnceError> {
        self.get_or_try_init_timeout(timeout, || Ok::<T, Infallible>(make()))
    }

    /// As [`get_or_init`](Self::get_or_init), but waits for another that makes a value until `deadline` only.
    ///
    /// # Errors
    ///
    /// As [`get_or_init`](Self::get_or_init); [`TimedOut`](OnceError::TimedOut) if the other was not through within the time.
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](Self::get_or_init).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn get_or_init_deadline(
        &self,
        deadline: Deadline,
        make: impl FnOnce() -> T,
    ) -> Result<&T, OnceError> {
        self.get_or_try_init_deadline(deadline, || Ok::<T, Infallible>(make()))
    }

    /// As [`get_or_try_init`](Self::get_or_try_init), if nobody makes a value just now.
    ///
    /// # Errors
    ///
    /// As [`get_or_try_init`](Self::get_or_try_init); [`TimedOut`](OnceError::TimedOut) if somebody does.
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](Self::get_or_init).
    #[inline]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_get_or_try_init<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, OnceError<E>> {
        self.get_or_make(Patience::None, make)
    }

    /// As [`get_or_try_init`](Self::get_or_try_init), but waits for another that makes a value for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`get_or_try_init`](Self::get_or_try_init); [`TimedOut`](OnceError::TimedOut) if the other was not through within the time.
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](Self::get_or_init).
    #[cfg(not(multiproc_loom))]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn get_or_try_init_timeout<E>(
        &self,
        timeout: Duration,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, OnceError<E>> {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.get_or_try_init_deadline(deadline, make),
            None => self.get_or_try_init(make), // longer than a clock can say
        }
    }

    /// As [`get_or_try_init`](Self::get_or_try_init), but waits for another that makes a value until `deadline` only.
    ///
    /// # Errors
    ///
    /// As [`get_or_try_init`](Self::get_or_try_init); [`TimedOut`](OnceError::TimedOut) if the other was not through within the time.
    ///
    /// # Panics
    ///
    /// As [`get_or_init`](Self::get_or_init).
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn get_or_try_init_deadline<E>(
        &self,
        deadline: Deadline,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<&T, OnceError<E>> {
        self.get_or_make(Patience::Until(&deadline), make)
    }

    /// As [`set`](Self::set), if nobody makes a value just now.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set); [`TimedOut`](OnceError::TimedOut) if somebody does.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn try_set(&self, value: T) -> Result<(), SetError<T>> {
        self.put(Patience::None, value)
    }

    /// As [`set`](Self::set), but waits for another that makes a value for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set); [`TimedOut`](OnceError::TimedOut) if the other was not through within the time.
    #[cfg(not(multiproc_loom))]
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn set_timeout(&self, timeout: Duration, value: T) -> Result<(), SetError<T>> {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.set_deadline(deadline, value),
            None => self.set(value), // longer than a clock can say
        }
    }

    /// As [`set`](Self::set), but waits for another that makes a value until `deadline` only.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set); [`TimedOut`](OnceError::TimedOut) if the other was not through within the time.
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn set_deadline(&self, deadline: Deadline, value: T) -> Result<(), SetError<T>> {
        self.put(Patience::Until(&deadline), value)
    }

    /// As [`get`](Self::get), told as the other waits tell it.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if there is no value.
    #[inline]
    pub fn try_wait(&self) -> Result<&T, WaitError> {
        self.get().ok_or(WaitError::TimedOut)
    }

    /// As [`wait`](Self::wait), for at most `timeout`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use multiproc_sync::{OnceLock, WaitError};
    ///
    /// let nobody_sets_it = OnceLock::<u8>::new();
    /// assert_eq!(nobody_sets_it.wait_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
    /// ```
    ///
    /// # Errors
    ///
    /// [`WaitError`]; [`TimedOut`](WaitError::TimedOut) if there was no value within the time.
    #[cfg(not(multiproc_loom))]
    pub fn wait_timeout(&self, timeout: Duration) -> Result<&T, WaitError> {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.wait_deadline(deadline),
            None => self.wait(), // longer than a clock can say
        }
    }

    /// As [`wait`](Self::wait), until `deadline`.
    ///
    /// # Errors
    ///
    /// [`WaitError`]; [`TimedOut`](WaitError::TimedOut) if there was no value within the time.
    pub fn wait_deadline(&self, deadline: Deadline) -> Result<&T, WaitError> {
        self.once.wait_deadline(deadline)?;
        self.try_wait()
    }
}

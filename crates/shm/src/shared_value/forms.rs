//! The forms of a shared value's calls that do not wait, or not for ever.

use std::time::{Duration, Instant};

use multiproc_sync::shm_safe::ShmPlain;

use super::{SharedValue, ValueError, read, replace, update};

/// # With an end
///
/// Each call in three more forms: `try_…` does it if nobody else is at the value, `…_timeout` waits for at most so long, `…_deadline` until then.
/// Otherwise it is [`TimedOut`](ValueError::TimedOut), and the value is as it was. The time is that of the wait for the lock; a closure
/// takes what it takes.
///
/// ```
/// use std::time::{Duration, Instant};
/// use multiproc_shm::{SharedValue, ValueError};
///
/// let value = SharedValue::new(1_u32)?;
/// value.try_update(|value| *value += 1)?;
/// value.set_timeout(3, Duration::from_secs(1))?;
/// let soon = Instant::now() + Duration::from_secs(1);
/// assert_eq!(value.replace_deadline(4, soon)?, 3);
///
/// let theirs = value.clone();
/// let told = value.update(|value| {
///     *value += 1;
///     std::thread::spawn(move || theirs.try_get()).join().unwrap()
/// })?;
/// assert!(matches!(told, Err(ValueError::TimedOut)));
/// assert_eq!(value.get()?, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<T: ShmPlain + Copy + Send> SharedValue<T> {
    /// As [`get`](Self::get), if nobody else is at the value.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn try_get(&self) -> Result<T, ValueError> {
        read(self.value.try_lock())
    }

    /// As [`get`](Self::get), within `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, ValueError> {
        read(self.value.lock_timeout(timeout))
    }

    /// As [`get`](Self::get), until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn get_deadline(&self, deadline: Instant) -> Result<T, ValueError> {
        read(self.value.lock_deadline(deadline))
    }

    /// As [`set`](Self::set), if nobody else is at the value.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn try_set(&self, value: T) -> Result<(), ValueError> {
        replace(self.value.try_lock(), value).map(drop)
    }

    /// As [`set`](Self::set), within `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn set_timeout(&self, value: T, timeout: Duration) -> Result<(), ValueError> {
        replace(self.value.lock_timeout(timeout), value).map(drop)
    }

    /// As [`set`](Self::set), until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn set_deadline(&self, value: T, deadline: Instant) -> Result<(), ValueError> {
        replace(self.value.lock_deadline(deadline), value).map(drop)
    }

    /// As [`replace`](Self::replace), if nobody else is at the value.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn try_replace(&self, value: T) -> Result<T, ValueError> {
        replace(self.value.try_lock(), value)
    }

    /// As [`replace`](Self::replace), within `timeout`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn replace_timeout(&self, value: T, timeout: Duration) -> Result<T, ValueError> {
        replace(self.value.lock_timeout(timeout), value)
    }

    /// As [`replace`](Self::replace), until `deadline`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn replace_deadline(&self, value: T, deadline: Instant) -> Result<T, ValueError> {
        replace(self.value.lock_deadline(deadline), value)
    }

    /// As [`update`](Self::update), if nobody else is at the value; otherwise the closure is not called.
    ///
    /// (That of [`Journaled::try_update`](crate::Journaled::try_update) may fail; this one may not.)
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn try_update<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, ValueError> {
        update(self.value.try_lock(), change)
    }

    /// As [`update`](Self::update), if nobody else is at the value within `timeout`; otherwise the closure is not called.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn update_timeout<R>(
        &self,
        timeout: Duration,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, ValueError> {
        update(self.value.lock_timeout(timeout), change)
    }

    /// As [`update`](Self::update), if nobody else is at the value until `deadline`; otherwise the closure is not called.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ValueError::TimedOut), and those of the [type](Self#errors).
    pub fn update_deadline<R>(
        &self,
        deadline: Instant,
        change: impl FnOnce(&mut T) -> R,
    ) -> Result<R, ValueError> {
        update(self.value.lock_deadline(deadline), change)
    }
}

//! What locks and semaphores have in common: to be acquired, and to be released by a guard.

use std::error::Error;
#[cfg(not(multiproc_loom))]
use std::time::{Duration, Instant};

use crate::primitive::Deadline;
use crate::{
    AcquireError, BoundedSemaphore, Held, Lock, LockError, Mutex, MutexGuard, Permit, ReentrantMutex,
    ReentrantMutexGuard, RobustPermit, RobustSemaphore, Semaphore, WaitError,
};

/// What can be acquired, and is released when its guard is dropped: [`Mutex`], [`ReentrantMutex`], [`Lock`], [`Semaphore`],
/// [`BoundedSemaphore`], [`RobustSemaphore`].
///
/// For code that does not care which of them it is given, and for [`with`](Self::with), which runs a closure in between, as Python's
/// `with` statement runs a block.
///
/// ```
/// use multiproc_sync::{Acquirable, Lock, Mutex, Semaphore};
///
/// fn two_steps<'a, A: Acquirable + ?Sized>(door: &'a A) -> Result<u32, A::Error<'a>> {
///     door.with(|| 1 + 1)
/// }
///
/// assert_eq!(two_steps(&Lock::new())?, 2);
/// assert_eq!(two_steps(&Semaphore::new(3))?, 2);
/// assert!(matches!(two_steps(&Mutex::new(())), Ok(2)));
///
/// let lock = Lock::new();
/// let locked_within = lock.with(|| lock.is_locked())?;
/// assert!(locked_within && !lock.is_locked());
/// # Ok::<(), multiproc_sync::WaitError>(())
/// ```
///
/// A closure that panics leaves what was acquired released, a [`Mutex`] poisoned. To reach a mutex's data, use its own methods.
///
/// # Errors
///
/// Those of the type. An error that carries a guard (see [`LockError::into_guard`]) has acquired; the closure is not run all the same.
#[doc(alias = "with")]
#[doc(alias = "ContextManager")]
pub trait Acquirable {
    /// Releases when it is dropped.
    type Guard<'a>
    where
        Self: 'a;

    /// Why nothing was acquired, or with what warning.
    type Error<'a>: Error
    where
        Self: 'a;

    /// Waits, and acquires.
    ///
    /// # Errors
    ///
    /// As the type's own method.
    #[cfg_attr(feature = "watch", track_caller)]
    fn guard(&self) -> Result<Self::Guard<'_>, Self::Error<'_>>;

    /// Acquires if that is possible at once.
    ///
    /// # Errors
    ///
    /// As the type's own method.
    #[cfg_attr(feature = "watch", track_caller)]
    fn try_guard(&self) -> Result<Self::Guard<'_>, Self::Error<'_>>;

    /// Waits until `deadline`, and acquires.
    ///
    /// # Errors
    ///
    /// As the type's own method.
    #[cfg_attr(feature = "watch", track_caller)]
    fn guard_deadline(&self, deadline: Deadline) -> Result<Self::Guard<'_>, Self::Error<'_>>;

    /// Waits for at most `timeout`, and acquires.
    ///
    /// # Errors
    ///
    /// As the type's own method.
    #[cfg(not(multiproc_loom))]
    #[cfg_attr(feature = "watch", track_caller)]
    fn guard_timeout(&self, timeout: Duration) -> Result<Self::Guard<'_>, Self::Error<'_>> {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.guard_deadline(deadline),
            None => self.guard(), // longer than a clock can say
        }
    }

    /// Waits, acquires, runs `body`, releases.
    ///
    /// # Errors
    ///
    /// As [`guard`](Self::guard); then `body` has not run.
    #[cfg_attr(feature = "watch", track_caller)]
    fn with<R>(&self, body: impl FnOnce() -> R) -> Result<R, Self::Error<'_>> {
        let _guard = self.guard()?;
        Ok(body())
    }

    /// As [`with`](Self::with), if it can be acquired at once.
    ///
    /// # Errors
    ///
    /// As [`try_guard`](Self::try_guard); then `body` has not run.
    #[cfg_attr(feature = "watch", track_caller)]
    fn try_with<R>(&self, body: impl FnOnce() -> R) -> Result<R, Self::Error<'_>> {
        let _guard = self.try_guard()?;
        Ok(body())
    }

    /// As [`with`](Self::with), if it can be acquired before `deadline`.
    ///
    /// # Errors
    ///
    /// As [`guard_deadline`](Self::guard_deadline); then `body` has not run.
    #[cfg_attr(feature = "watch", track_caller)]
    fn with_deadline<R>(&self, deadline: Deadline, body: impl FnOnce() -> R) -> Result<R, Self::Error<'_>> {
        let _guard = self.guard_deadline(deadline)?;
        Ok(body())
    }

    /// As [`with`](Self::with), if it can be acquired within `timeout`.
    ///
    /// # Errors
    ///
    /// As [`guard_timeout`](Self::guard_timeout); then `body` has not run.
    #[cfg(not(multiproc_loom))]
    #[cfg_attr(feature = "watch", track_caller)]
    fn with_timeout<R>(&self, timeout: Duration, body: impl FnOnce() -> R) -> Result<R, Self::Error<'_>> {
        let _guard = self.guard_timeout(timeout)?;
        Ok(body())
    }
}

impl<T: ?Sized> Acquirable for Mutex<T> {
    type Guard<'a>
        = MutexGuard<'a, T>
    where
        Self: 'a;
    type Error<'a>
        = LockError<MutexGuard<'a, T>>
    where
        Self: 'a;

    fn guard(&self) -> Result<Self::Guard<'_>, Self::Error<'_>> {
        self.lock()
    }

    fn try_guard(&self) -> Result<Self::Guard<'_>, Self::Error<'_>> {
        self.try_lock()
    }

    fn guard_deadline(&self, deadline: Deadline) -> Result<Self::Guard<'_>, Self::Error<'_>> {
        self.lock_deadline(deadline)
    }
}

impl<T: ?Sized> Acquirable for ReentrantMutex<T> {
    type Guard<'a>
        = ReentrantMutexGuard<'a, T>
    where
        Self: 'a;
    type Error<'a>
        = LockError<ReentrantMutexGuard<'a, T>>
    where
        Self: 'a;

    fn guard(&self) -> Result<Self::Guard<'_>, Self::Error<'_>> {
        self.lock()
    }

    fn try_guard(&self) -> Result<Self::Guard<'_>, Self::Error<'_>> {
        self.try_lock()
    }

    fn guard_deadline(&self, deadline: Deadline) -> Result<Self::Guard<'_>, Self::Error<'_>> {
        self.lock_deadline(deadline)
    }
}

impl<const PERMITS: usize> Acquirable for RobustSemaphore<PERMITS> {
    type Guard<'a> = RobustPermit<'a>;
    type Error<'a> = AcquireError;

    fn guard(&self) -> Result<RobustPermit<'_>, AcquireError> {
        self.permit()
    }

    fn try_guard(&self) -> Result<RobustPermit<'_>, AcquireError> {
        self.try_permit()
    }

    fn guard_deadline(&self, deadline: Deadline) -> Result<RobustPermit<'_>, AcquireError> {
        self.permit_deadline(deadline)
    }
}

/// Those without data and owners, by the names of their guards and of the methods that give these.
macro_rules! acquirable {
    ($($type:ty => $held:ident: $guard:ident, $try_guard:ident, $guard_deadline:ident;)+) => {
        $(impl Acquirable for $type {
            type Guard<'a> = $held<'a>;
            type Error<'a> = WaitError;

            fn guard(&self) -> Result<$held<'_>, WaitError> {
                self.$guard()
            }

            fn try_guard(&self) -> Result<$held<'_>, WaitError> {
                self.$try_guard()
            }

            fn guard_deadline(&self, deadline: Deadline) -> Result<$held<'_>, WaitError> {
                self.$guard_deadline(deadline)
            }
        })+
    };
}

acquirable! {
    Lock => Held: hold, try_hold, hold_deadline;
    Semaphore => Permit: permit, try_permit, permit_deadline;
    BoundedSemaphore => Permit: permit, try_permit, permit_deadline;
}

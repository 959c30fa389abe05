//! Why a lock gave no guard, or one with a warning.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use crate::deadlock::Report;
use crate::identity::{IdentityError, MAX_HELD};
use crate::{MAX_DEPTH, WaitError};

/// A guard, or why there is none.
pub type LockResult<G> = Result<G, LockError<G>>;

/// Why a lock gave no guard, or one with a warning.
#[non_exhaustive]
pub enum LockError<G> {
    /// A thread panicked while it had the guard, as [`std::sync::PoisonError`] tells it. The lock is held: the guard is inside.
    Poisoned(G),
    /// The process of the last owner died while it had the guard: the data may be half written. The lock is held: the guard
    /// is inside. Until [`mark_consistent`](crate::MutexGuard::mark_consistent) each next owner is told again.
    OwnerDied(G),
    /// The thread of the last owner has ended and its guard was never dropped, but leaked; its process lives, and may still use
    /// the data. Passes once that process ends.
    OwnerLeft,
    /// An owner gave the lock up for good, with [`abandon`](crate::MutexGuard::abandon).
    Abandoned,
    /// The lock was held all the time; for `try_lock`, it was held.
    TimedOut,
    /// A signal came, and the [hook](crate::interrupt) ended the wait; or the thread's
    /// [alarm](crate::interrupt::Alarm) ended that for a condition, never one for a lock.
    Interrupted,
    /// The wait would never end: the calling thread has the lock itself, or, with the feature `deadlock`, those whom it would wait for wait
    /// for it. The [report](crate::deadlock) says who has what.
    Deadlock(Box<Report>),
    /// A fork has brought the guard here: the lock is held by the other process, by nobody of this one. Or a
    /// [wait](crate::ReentrantMutex#waiting) could not take its lock again.
    NotHeld,
    /// The calling thread has [`MAX_DEPTH`] guards of the reentrant mutex.
    TooDeep,
    /// The calling thread holds [`MAX_HELD`] locks in shared memory.
    TooManyHeld,
    /// As many threads read as an [`RwLock`](crate::RwLock) has room for; or the calling one has as many guards of it as it can count.
    TooManyReaders,
    /// The calling thread cannot hold locks in shared memory; or it cannot see whether a dead owner's process lives
    /// ([`OwnerUnseen`](IdentityError::OwnerUnseen)).
    Identity(IdentityError),
}

impl<G> LockError<G> {
    /// The guard, if the lock is held in spite of the error.
    pub fn into_guard(self) -> Option<G> {
        match self {
            Self::Poisoned(guard) | Self::OwnerDied(guard) => Some(guard),
            _ => None,
        }
    }

    /// The guard, whatever was told beside it; or else the error, which then has none. For data that are whole after any death and panic.
    ///
    /// ```
    /// use multiproc_sync::{LockError, Mutex};
    /// let numbers = Mutex::new([0, 0]);
    /// let first = numbers.lock().unwrap();
    /// let error = numbers.try_lock().or_else(LockError::guard_or_error).unwrap_err();
    /// assert!(matches!(error, LockError::TimedOut | LockError::Deadlock(_)));
    /// # drop(first);
    /// ```
    ///
    /// # Errors
    ///
    /// Those that come without a guard.
    pub fn guard_or_error(self) -> Result<G, LockError<Infallible>> {
        Err(match self {
            Self::Poisoned(guard) | Self::OwnerDied(guard) => return Ok(guard),
            Self::OwnerLeft => LockError::OwnerLeft,
            Self::Abandoned => LockError::Abandoned,
            Self::TimedOut => LockError::TimedOut,
            Self::Interrupted => LockError::Interrupted,
            Self::Deadlock(report) => LockError::Deadlock(report),
            Self::NotHeld => LockError::NotHeld,
            Self::TooDeep => LockError::TooDeep,
            Self::TooManyHeld => LockError::TooManyHeld,
            Self::TooManyReaders => LockError::TooManyReaders,
            Self::Identity(error) => LockError::Identity(error),
        })
    }

    /// The same with something else for the guard, for locks that are made of these.
    ///
    /// ```
    /// use multiproc_sync::LockError;
    /// assert!(matches!(LockError::Poisoned(2).map(|held| held + 1), LockError::Poisoned(3)));
    /// ```
    pub fn map<H>(self, change: impl FnOnce(G) -> H) -> LockError<H> {
        match self {
            Self::Poisoned(guard) => LockError::Poisoned(change(guard)),
            Self::OwnerDied(guard) => LockError::OwnerDied(change(guard)),
            Self::OwnerLeft => LockError::OwnerLeft,
            Self::Abandoned => LockError::Abandoned,
            Self::TimedOut => LockError::TimedOut,
            Self::Interrupted => LockError::Interrupted,
            Self::Deadlock(report) => LockError::Deadlock(report),
            Self::NotHeld => LockError::NotHeld,
            Self::TooDeep => LockError::TooDeep,
            Self::TooManyHeld => LockError::TooManyHeld,
            Self::TooManyReaders => LockError::TooManyReaders,
            Self::Identity(error) => LockError::Identity(error),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Poisoned(_) => "Poisoned",
            Self::OwnerDied(_) => "OwnerDied",
            Self::OwnerLeft => "OwnerLeft",
            Self::Abandoned => "Abandoned",
            Self::TimedOut => "TimedOut",
            Self::Interrupted => "Interrupted",
            Self::Deadlock(_) => "Deadlock",
            Self::NotHeld => "NotHeld",
            Self::TooDeep => "TooDeep",
            Self::TooManyHeld => "TooManyHeld",
            Self::TooManyReaders => "TooManyReaders",
            Self::Identity(_) => "Identity",
        }
    }
}

impl<G> From<WaitError> for LockError<G> {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Interrupted => Self::Interrupted,
        }
    }
}

/// Without the guarded data, so that a result can be unwrapped whatever it guards.
impl<G> fmt::Debug for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity(error) => f.debug_tuple("Identity").field(error).finish(),
            Self::Deadlock(report) => f.debug_tuple("Deadlock").field(report).finish(),
            Self::Poisoned(_) | Self::OwnerDied(_) => write!(f, "{}(..)", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

impl<G> fmt::Display for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poisoned(_) => f.write_str(
                "a thread panicked while it held the lock: check the data, or use `lock_or_reset`",
            ),
            Self::OwnerDied(_) => f.write_str(
                "a process died while it held the lock: mend the data and call `mark_consistent`, or use `lock_or_reset`",
            ),
            Self::OwnerLeft => f.write_str(
                "the thread that held the lock has ended without dropping its guard, and its process lives on: \
                 drop guards before their thread ends, or end that process",
            ),
            Self::Abandoned => f.write_str("the lock was abandoned: its data are not usable any more"),
            Self::TimedOut => f.write_str("the lock was not free within the time"),
            Self::Interrupted => f.write_str("a signal or an alarm ended the wait"),
            Self::Deadlock(report) => write!(f, "the wait for the lock would never end, drop a guard first: {report}"),
            Self::NotHeld => f.write_str(
                "a fork has brought this guard along, and the lock is its parent's: lock the mutex in this process; \
                 or a wait could not take the lock again: drop the guard",
            ),
            Self::TooDeep => {
                write!(f, "the calling thread has {MAX_DEPTH} guards of this lock, the most that it can: drop some")
            }
            Self::TooManyHeld => {
                write!(f, "the calling thread holds {MAX_HELD} locks in shared memory, the most that it can")
            }
            Self::TooManyReaders => f.write_str(
                "as many threads read as the lock has room for: wait, or give its type more READERS",
            ),
            Self::Identity(error @ IdentityError::OwnerUnseen) => error.fmt(f),
            Self::Identity(error) => write!(f, "the calling thread cannot hold locks in shared memory: {error}"),
        }
    }
}

impl<G> Error for LockError<G> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Identity(error) => Some(error),
            _ => None,
        }
    }
}

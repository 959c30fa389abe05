//! Why there is no permit, or no semaphore.

use crate::WaitError;
use crate::identity::IdentityError;

/// Why no permit was acquired.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// None was free within the time, and none was a dead process's; for `try_acquire`, at once.
    #[error("no permit was free within the time")]
    TimedOut,
    /// A signal came, and the [hook](crate::interrupt) ended the wait, or the thread's [alarm](crate::interrupt::Alarm) did.
    #[error("a signal or an alarm ended the wait for a permit")]
    Interrupted,
    /// The calling thread cannot hold permits in shared memory.
    #[error("the calling thread cannot hold permits in shared memory: {0}")]
    Identity(#[from] IdentityError),
}

impl From<WaitError> for AcquireError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Interrupted => Self::Interrupted,
        }
    }
}

/// A semaphore with no permits, or with more than its type has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this semaphore is for 1 to {limit} permits, not for {permits}: choose another type for more")]
#[non_exhaustive]
pub struct PermitsError {
    /// How many were asked for.
    pub permits: usize,
    /// For how many there is room.
    pub limit: usize,
}

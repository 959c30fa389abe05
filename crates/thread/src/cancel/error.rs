//! What a cancelled thread is told.

use thiserror::Error;

/// The thread, or what it is at, was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this was cancelled: put in order what others see, and return")]
pub struct Cancelled;

/// Why a wait ended without what it waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The time is over.
    #[error("it did not happen within the time")]
    TimedOut,
    /// A [token](crate::CancelToken) in whose scope the thread is was cancelled.
    #[error("the wait was cancelled")]
    Cancelled,
    /// A signal came, and the [hook](multiproc_sync::interrupt) ended the wait.
    #[error("a signal ended the wait")]
    Interrupted,
}

/// What has ended a wait of the calling thread, just now: its tokens are looked at.
#[cfg(not(multiproc_loom))]
impl From<multiproc_sync::WaitError> for WaitError {
    fn from(error: multiproc_sync::WaitError) -> Self {
        match error {
            multiproc_sync::WaitError::TimedOut => Self::TimedOut,
            _ if super::here::is_cancelled() => Self::Cancelled,
            _ => Self::Interrupted,
        }
    }
}

/// In a model there are no signals.
#[cfg(multiproc_loom)]
impl From<multiproc_sync::WaitError> for WaitError {
    fn from(error: multiproc_sync::WaitError) -> Self {
        match error {
            multiproc_sync::WaitError::TimedOut => Self::TimedOut,
            _ => Self::Cancelled,
        }
    }
}

impl From<Cancelled> for WaitError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

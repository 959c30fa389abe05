//! Why nothing was put, got or waited for.

use std::fmt;

use crate::cancel::WaitError;

/// Why an item was not put. It comes back.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PutError<T> {
    /// There is no room now.
    #[error("the queue is full: wait with `put`, or give it a larger bound")]
    #[doc(alias = "queue.Full")]
    Full(T),
    /// There was no room within the time.
    #[error("the queue was full all the time")]
    TimedOut(T),
    /// The queue was shut down: nothing is put into it any more.
    #[error("the queue was shut down")]
    #[doc(alias = "queue.ShutDown")]
    ShutDown(T),
    /// A [token](crate::CancelToken) in whose scope the thread is was cancelled, and there was no room.
    #[error("the wait for room in the queue was cancelled")]
    Cancelled(T),
    /// A signal came, and the [hook](multiproc_sync::interrupt) ended the wait.
    #[error("a signal ended the wait for room in the queue")]
    Interrupted(T),
}

impl<T> PutError<T> {
    /// The item.
    pub fn into_item(self) -> T {
        match self {
            Self::Full(item)
            | Self::TimedOut(item)
            | Self::ShutDown(item)
            | Self::Cancelled(item)
            | Self::Interrupted(item) => item,
        }
    }

    /// A wait for room that has ended.
    pub(crate) fn of(error: WaitError, item: T) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut(item),
            WaitError::Cancelled => Self::Cancelled(item),
            WaitError::Interrupted => Self::Interrupted(item),
        }
    }

    /// The same error of another item.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> PutError<U> {
        match self {
            Self::Full(item) => PutError::Full(change(item)),
            Self::TimedOut(item) => PutError::TimedOut(change(item)),
            Self::ShutDown(item) => PutError::ShutDown(change(item)),
            Self::Cancelled(item) => PutError::Cancelled(change(item)),
            Self::Interrupted(item) => PutError::Interrupted(change(item)),
        }
    }
}

/// Without the item, so that a result can be unwrapped whatever was to be put.
impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::TimedOut(_) => "TimedOut(..)",
            Self::ShutDown(_) => "ShutDown(..)",
            Self::Cancelled(_) => "Cancelled(..)",
            Self::Interrupted(_) => "Interrupted(..)",
        })
    }
}

/// Why no item was got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// There is no item now.
    #[error("the queue is empty: wait with `get`")]
    #[doc(alias = "queue.Empty")]
    Empty,
    /// No item came within the time.
    #[error("the queue was empty all the time")]
    TimedOut,
    /// The queue was shut down, and has no item left.
    #[error("the queue was shut down, and no item is left")]
    #[doc(alias = "queue.ShutDown")]
    ShutDown,
    /// A [token](crate::CancelToken) in whose scope the thread is was cancelled, and there was no item.
    #[error("the wait for an item was cancelled")]
    Cancelled,
    /// A signal came, and the [hook](multiproc_sync::interrupt) ended the wait.
    #[error("a signal ended the wait for an item")]
    Interrupted,
}

/// Why the wait ended though not all items were reported done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnfinishedError {
    /// They were not done within the time.
    #[error("items were not reported done within the time")]
    TimedOut,
    /// The queue was shut down at once, when so many items were not done: either still in the queue, and discarded, or under way.
    #[error("the queue was shut down at once, before all was done; items left: {unfinished}")]
    ShutDown {
        /// How many.
        unfinished: u64,
    },
    /// A [token](crate::CancelToken) in whose scope the thread is was cancelled.
    #[error("the wait for the items to be done was cancelled")]
    Cancelled,
    /// A signal came, and the [hook](multiproc_sync::interrupt) ended the wait.
    #[error("a signal ended the wait for the items to be done")]
    Interrupted,
}

impl From<WaitError> for GetError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Cancelled => Self::Cancelled,
            WaitError::Interrupted => Self::Interrupted,
        }
    }
}

impl From<WaitError> for UnfinishedError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Cancelled => Self::Cancelled,
            WaitError::Interrupted => Self::Interrupted,
        }
    }
}

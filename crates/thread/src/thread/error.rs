//! What can go wrong with a thread: its start, and the wait for its end.

use std::io;

use multiproc_sync::WaitError;
use thiserror::Error;

use super::name::NameError;
use super::panic::Panic;

/// A thread was not started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// It was before: a thread runs once.
    #[error("this thread was started already, and a thread runs once: make another one")]
    AlreadyStarted,
    /// The system does not take its name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The system starts none. It may be tried again.
    #[error(
        "the system starts no thread: {0}. Are threads and memory within limits, and is its stack of a reasonable size?"
    )]
    System(#[source] io::Error),
    /// This process is a fork of the one that made the thread.
    #[error("this process is a fork of the one that made the thread: make one here")]
    Forked,
}

/// A wait for the end of a thread has ended without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EndError {
    /// The time is over, and the thread alive.
    #[error("the thread has not ended within the time")]
    TimedOut,
    /// Nobody has started it.
    #[error("the thread was not started, so that it would never end: start it first")]
    NotStarted,
    /// It is the one that waits.
    #[error("a thread that waits for itself would wait for ever")]
    Oneself,
    /// The waiting thread was [cancelled](crate::CancelToken).
    #[error("the wait for the thread was cancelled")]
    Cancelled,
    /// A signal came, and the [hook](multiproc_sync::interrupt) ended the wait.
    #[error("a signal ended the wait for the thread")]
    Interrupted,
    /// This process is a fork of the one that the thread is in.
    #[error("this process is a fork of the one that the thread is in, and has none of its ends")]
    Forked,
}

/// What has ended a wait of the calling thread, just now: its tokens are looked at.
impl From<WaitError> for EndError {
    fn from(error: WaitError) -> Self {
        match crate::WaitError::from(error) {
            crate::WaitError::TimedOut => Self::TimedOut,
            crate::WaitError::Cancelled => Self::Cancelled,
            crate::WaitError::Interrupted => Self::Interrupted,
        }
    }
}

/// There is no result of a thread.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// Its function has panicked.
    #[error("{0}")]
    Panicked(Panic),
    /// It has called `std::process::exit`: the program ends, and waits for its [threads](crate::join_at_exit) before.
    #[error("the thread has not returned, but ends the program, which waits for its threads now")]
    Exited,
    /// Nobody has started it.
    #[error("the thread was not started, so that it would never end: start it first")]
    NotStarted,
    /// It is the one that joins.
    #[error("a thread that joins itself would wait for ever")]
    Oneself,
    /// The joining thread was [cancelled](crate::CancelToken). The other one goes on.
    #[error("the wait for the thread was cancelled; it goes on")]
    Cancelled,
    /// A signal came, and the [hook](multiproc_sync::interrupt) ended the wait. The thread goes on.
    #[error("a signal ended the wait for the thread, which goes on")]
    Interrupted,
    /// This process is a fork of the one that the thread is in.
    #[error("this process is a fork of the one that the thread is in, and has none of its results")]
    Forked,
}

//! Why a group was not waited for to its end, or nothing was changed.

use crate::identity::IdentityError;
use crate::{LockError, WaitError};

use super::{MAX_MEMBERS, MAX_PIECES};

/// Why a wait for a group ended early, or an operation changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitGroupError {
    /// The process of a member has ended before the member was done. Told to all who wait, and to all who come until somebody
    /// [takes over](super::WaitGroup::take_over) its piece. A wait that has gone on over several deaths is told of the last.
    #[error("process {pid} has ended before it was done with its piece: `take_over` that")]
    MemberDied {
        /// The process's number.
        pid: u32,
    },
    /// The time has passed; for `try_wait`, not everything is done.
    #[error("not everything was done within the time")]
    TimedOut,
    /// A signal came, and the [hook](crate::interrupt) ended the wait, or the thread's [alarm](crate::interrupt::Alarm) did.
    #[error("a signal or an alarm ended the wait")]
    Interrupted,
    /// All pieces are done, or are members': there is none that this one could be.
    #[error(
        "no piece of work is announced that has no member: call `add` before, and `done` once for each piece"
    )]
    NothingAnnounced,
    /// There would be more than [`MAX_PIECES`] at a time.
    #[error("a group has {MAX_PIECES} pieces of work at a time at the most")]
    TooManyPieces,
    /// There are [`MAX_MEMBERS`] already.
    #[error(
        "a group has {MAX_MEMBERS} members at a time at the most: `done` without a member needs no place"
    )]
    TooManyMembers,
    /// A thread has ended inside an operation on the group, by a bare system call, and its process lives on.
    #[error("a thread has ended inside an operation on the group: end its process")]
    OwnerLeft,
    /// The calling thread holds [`MAX_HELD`](crate::MAX_HELD) locks in shared memory.
    #[error("the calling thread holds as many locks in shared memory as it can: drop a guard first")]
    TooManyHeld,
    /// The calling thread cannot lock in shared memory.
    #[error("the calling thread cannot lock in shared memory: {0}")]
    Identity(IdentityError),
}

impl From<WaitError> for WaitGroupError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Interrupted => Self::Interrupted,
        }
    }
}

impl<G> From<LockError<G>> for WaitGroupError {
    /// Of an error without a guard, of a lock that nobody has for long and nobody abandons.
    fn from(error: LockError<G>) -> Self {
        match error {
            LockError::TooManyHeld => Self::TooManyHeld,
            LockError::Identity(error) => Self::Identity(error),
            LockError::TimedOut => Self::TimedOut,
            LockError::Interrupted => Self::Interrupted,
            LockError::OwnerLeft
            | LockError::Poisoned(_)
            | LockError::OwnerDied(_)
            | LockError::Abandoned
            | LockError::Deadlock(_)
            | LockError::TooManyReaders
            | LockError::NotHeld
            | LockError::TooDeep => Self::OwnerLeft,
        }
    }
}

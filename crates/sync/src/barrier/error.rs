//! Why a barrier let nobody through.

use crate::identity::IdentityError;
use crate::{LockError, WaitError};

use super::MAX_PARTIES;

/// A barrier for no party, or for more than there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a barrier is for 1 to {MAX_PARTIES} parties, not for {parties}: wait in groups, whose last parties meet at a second one"
)]
pub struct PartiesError {
    /// How many were asked for.
    pub parties: u32,
}

/// Why a party did not get through a barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BarrierError {
    /// The barrier is broken: a party gave up or its action panicked, or somebody called [`abort`](super::Barrier::abort) or
    /// [`reset`](super::Barrier::reset).
    #[error(
        "the barrier is broken, by a party that gave up, by `abort` or by `reset`: `reset` it when all parties know"
    )]
    Broken,
    /// The barrier is broken: a party was killed while it waited, its process has ended or has become another program.
    #[error(
        "the barrier is broken: a thread of process {pid} has ended while it waited there; `reset` it when all parties know"
    )]
    PartyDied {
        /// The process's number.
        pid: u32,
    },
    /// The time has passed before all had come. That breaks the barrier for all, unless those are complete who came before.
    #[error(
        "the parties did not meet within the time, and the barrier is broken, unless others completed it: `reset` it when all parties know"
    )]
    TimedOut,
    /// Of those who do not wait, [`try_wait`](super::Barrier::try_wait): others have not come yet, or those of the round before have not all left.
    /// Nothing has changed.
    #[error("not all others have come, and who only tries does not come before them: nothing has changed")]
    NotLast,
    /// Of those who do not wait for the others: for some seconds, for [`try_wait`](super::Barrier::try_wait) for a tenth of one, the barrier was in the
    /// hands of a process that is stopped, or that gets no core. Nothing has changed.
    #[error("a process stands still in the middle of the barrier: let it go on, or end it, and ask again")]
    HeldUp,
    /// A signal came, and the [hook](crate::interrupt) ended the wait, or the thread's [alarm](crate::interrupt::Alarm) did. That breaks the barrier as a time-out does; where no party
    /// waited, nothing has changed.
    #[error(
        "a signal or an alarm ended the wait, and the barrier is broken, unless others completed it: `reset` it when all parties know"
    )]
    Interrupted,
    /// It lies in memory of zeros: nobody has said how many parties there are.
    #[error("the barrier was made of zeros, and has no parties: make it with `Barrier::new`")]
    NoParties,
    /// A thread has ended inside the barrier, by a bare system call, and its process lives on.
    #[error("a thread has ended inside the barrier: end its process")]
    OwnerLeft,
    /// The calling thread holds [`MAX_HELD`](crate::MAX_HELD) locks in shared memory.
    #[error("the calling thread holds as many locks in shared memory as it can: drop a guard first")]
    TooManyHeld,
    /// The calling thread cannot wait in shared memory.
    #[error("the calling thread cannot wait in shared memory: {0}")]
    Identity(IdentityError),
}

impl From<WaitError> for BarrierError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Interrupted => Self::Interrupted,
        }
    }
}

impl<G> From<LockError<G>> for BarrierError {
    /// Of an error without a guard.
    fn from(error: LockError<G>) -> Self {
        match error {
            LockError::OwnerLeft => Self::OwnerLeft,
            LockError::TooManyHeld => Self::TooManyHeld,
            LockError::Identity(error) => Self::Identity(error),
            LockError::TimedOut => Self::TimedOut,
            LockError::Interrupted => Self::Interrupted,
            LockError::Poisoned(_)
            | LockError::OwnerDied(_)
            | LockError::Abandoned
            | LockError::Deadlock(_)
            | LockError::TooManyReaders
            | LockError::NotHeld
            | LockError::TooDeep => Self::Broken,
        }
    }
}

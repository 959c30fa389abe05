//! Why something was not initialised.

use std::convert::Infallible;
use std::fmt;

use crate::WaitError;
use crate::identity::IdentityError;
use crate::mutex::robust::Refusal;

/// Why something was not initialised. `E` is the initialiser's own error, if it can fail.
///
/// In private memory only [`Deadlock`](Self::Deadlock), [`TimedOut`](Self::TimedOut) where there is a time, and
/// [`Interrupted`](Self::Interrupted) where there is a hook or an alarm, can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnceError<E = Infallible> {
    /// The initialiser's own error; the next caller runs its own.
    #[error(transparent)]
    Failed(E),
    /// Another initialiser was not through within the time; in the forms that do not wait: there is one.
    #[error("another initialiser was not through within the time")]
    TimedOut,
    /// A signal came, and the [hook](crate::interrupt) ended the wait for another initialiser, or the thread's
    /// [alarm](crate::interrupt::Alarm) did.
    #[error("a signal or an alarm ended the wait for another initialiser")]
    Interrupted,
    /// The calling thread is in the initialiser already; or, with the feature `deadlock`, the thread that is waits for this one.
    #[error("the initialiser asks for what it is to make, or waits for who does: it would wait for itself")]
    Deadlock,
    /// The thread of an initialiser has ended inside it, by a bare system call, and its process lives on. Passes once that ends.
    #[error("a thread has ended inside its initialiser, and its process lives on: end that process")]
    OwnerLeft,
    /// The initialiser has forked, and this is the child: the parent goes on with it, and nothing was changed here.
    #[error("the initialiser has forked, and its parent goes on with it: ask again in this process")]
    Forked,
    /// The calling thread holds [`MAX_HELD`](crate::MAX_HELD) locks in shared memory.
    #[error("the calling thread holds as many locks in shared memory as it can: drop a guard first")]
    TooManyHeld,
    /// The calling thread cannot initialise in shared memory.
    #[error("the calling thread cannot initialise in shared memory: {0}")]
    Identity(IdentityError),
}

impl<E> From<Refusal> for OnceError<E> {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Wait(error) => error.into(),
            Refusal::Deadlock(_) => Self::Deadlock,
            Refusal::OwnerLeft => Self::OwnerLeft,
            Refusal::TooManyHeld => Self::TooManyHeld,
            Refusal::Identity(error) => Self::Identity(error),
        }
    }
}

impl<E> From<WaitError> for OnceError<E> {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::TimedOut => Self::TimedOut,
            WaitError::Interrupted => Self::Interrupted,
        }
    }
}

/// Why a value was not put into an [`OnceLock`](crate::OnceLock).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetErrorKind {
    /// There is one already.
    #[error("there is a value already, and it stays")]
    AlreadySet,
    /// Whether there is one could not be found out.
    #[error(transparent)]
    Refused(#[from] OnceError),
}

/// A value that was not put into an [`OnceLock`](crate::OnceLock), and why.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct SetError<T> {
    /// The value, untouched.
    pub value: T,
    /// Why it was not put there.
    #[source]
    pub kind: SetErrorKind,
}

/// Without the value, so that a result can be unwrapped whatever it is.
impl<T> fmt::Debug for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

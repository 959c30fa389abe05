//! Why nothing is offered, or accepted.

use std::fmt;
use std::io;

use thiserror::Error;

use crate::error::{DecodeError, EncodeError, RecvError};

/// Why a value is not offered.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OfferErrorKind {
    /// The value is not one that can be sent.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The broker could not start: no descriptor, thread or memory left.
    #[error("the broker, which would hand it out, could not start: {0}")]
    Broker(#[source] io::Error),
}

/// A value that is not offered, and why.
#[derive(Error)]
#[error("{kind}")]
pub struct OfferError<T> {
    /// The value, untouched.
    pub value: T,
    /// Why it is not offered.
    #[source]
    pub kind: OfferErrorKind,
}

impl<T> fmt::Debug for OfferError<T> {
    // Not derived: the error must be usable with `?` and `expect` for values that have no Debug.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OfferError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Why an invitation was of no use.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// The process that offered has ended.
    #[error(
        "nobody hands it out any more: the process that offered it has ended, or is in another network namespace"
    )]
    FamilyGone,
    /// The offer was dropped, or the invitation is of another one.
    #[error("the offer was withdrawn")]
    Withdrawn,
    /// No answer came in time.
    #[error("timed out: the process that offers it is stopped, or very busy")]
    TimedOut,
    /// Somebody else listens where the offer was.
    #[error("another user's process listens where the offer was: ask for a new invitation")]
    ForeignUser,
    /// What is offered is of another type, or a handle that this process cannot have.
    #[error(transparent)]
    Decode(DecodeError),
    /// The answer could not be received.
    #[error(transparent)]
    Receive(RecvError),
    /// The kernel refused.
    #[error("the kernel refused to connect, send or receive: {0}")]
    Io(#[source] io::Error),
}

/// A text is no invitation.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{line:?}… is no invitation: it reads mp-, then 16, 16 and 32 hexadecimal digits with a dash between"
)]
pub struct InvitationError {
    /// How it begins.
    pub(super) line: String,
}

//! Why an arena gives no block.

use std::fmt;

use multiproc_sync::IdentityError;
use thiserror::Error;

#[cfg(not(multiproc_loom))]
use crate::error::ShmError;
#[cfg(not(multiproc_loom))]
use crate::transfer::TransferError;

/// Why an arena gives no block.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AllocError {
    /// There is no free block of that size, also not with processes that have died.
    #[error(
        "the arena has no block of {asked} bytes left, of {capacity} in all: drop some, or make a larger arena"
    )]
    Full {
        /// What was asked for, in bytes.
        asked: usize,
        /// What the arena has in all, in bytes.
        capacity: usize,
    },
    /// The arena never had so much.
    #[error("{asked} bytes are more than the arena has, which are {capacity}: make a larger one")]
    TooLarge {
        /// What was asked for, in bytes; `usize::MAX` if that is more than a number can say.
        asked: usize,
        /// What the arena has in all, in bytes.
        capacity: usize,
    },
    /// This process cannot have a name in its family, or the thread cannot lock.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The arena's lock cannot be had.
    #[error("the arena's lock cannot be had: {why}")]
    Locked {
        /// What the lock says.
        why: String,
    },
}

/// A value for which an arena gives no block, and why.
#[derive(Error)]
#[error("{kind}")]
pub struct ArenaError<T> {
    /// The value, untouched.
    pub value: T,
    /// Why it has no block.
    #[source]
    pub kind: AllocError,
}

impl<T> fmt::Debug for ArenaError<T> {
    // Not derived: the error must be usable with `?` and `expect` for values that have no Debug.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArenaError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Why a parcel was not sent, or not received.
#[cfg(not(multiproc_loom))]
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ParcelError {
    /// It is on its way already, or was received by another; or this process is a fork of the one that has it.
    #[error("the parcel was sent already: a block is in one message at a time")]
    Sent,
    /// The block is in no such message: it was received before, or swept, as the bytes of a message count once.
    #[error(
        "the block of the parcel is gone: the message was received before, or it is not the one that was sent"
    )]
    Gone,
    /// It is not inside a message.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The arena could not be mapped or looked at.
    #[error(transparent)]
    Memory(#[from] ShmError),
    /// The receiver cannot have a name in the family.
    #[error(transparent)]
    Identity(IdentityError),
}

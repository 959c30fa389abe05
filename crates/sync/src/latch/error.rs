//! Why a latch did not count, or did not let through.

use crate::WaitError;

/// More was counted down than was left; nothing of it has been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{counted} were counted down where {remaining} were left: make the latch for as many as count, and count each once"
)]
#[non_exhaustive]
pub struct CountError {
    /// How many were counted down.
    pub counted: u32,
    /// How many were left at that moment.
    pub remaining: u32,
}

/// Why somebody who arrived did not get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArriveError {
    /// Nobody was left to arrive. It has not counted, and not waited.
    #[error(transparent)]
    TooMany(#[from] CountError),
    /// It has counted, and that stays; but the wait ended early. To go on with it, call [`wait`](super::Latch::wait).
    #[error(transparent)]
    Wait(#[from] WaitError),
}

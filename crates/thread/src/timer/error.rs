//! A timer that cannot be.

use thiserror::Error;

/// A repeating timer with an interval of zero would do nothing but fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a repeating timer needs an interval longer than zero")]
pub struct ZeroInterval;

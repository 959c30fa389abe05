//! How long a caller waits.

use crate::WaitError;
use crate::primitive::Deadline;

/// How long to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Patience<'a> {
    /// Not at all.
    None,
    /// Until then.
    Until(&'a Deadline),
    /// For ever.
    Endless,
}

impl<'a> Patience<'a> {
    /// Until when to sleep; an error if not at all.
    pub(crate) fn sleep(self) -> Result<Option<&'a Deadline>, WaitError> {
        match self {
            Self::None => Err(WaitError::TimedOut),
            Self::Until(deadline) => Ok(Some(deadline)),
            Self::Endless => Ok(None),
        }
    }
}

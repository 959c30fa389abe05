//! How long a caller waits for a lock.

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
    /// Whether to sleep, and until when.
    pub(crate) fn sleep(self) -> Option<Option<&'a Deadline>> {
        match self {
            Self::None => None,
            Self::Until(deadline) => Some(Some(deadline)),
            Self::Endless => Some(None),
        }
    }
}

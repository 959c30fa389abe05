//! A notification that nobody waits for.

use crate::Result;
use crate::alone;
use crate::session::{Setting, Start};

/// Something with a condition variable.
pub(crate) trait Notify: Sync + 'static {
    /// Wakes one that waits.
    fn notify(&self);
}

pub(crate) fn nobody<N: Notify>(_: &Setting, notify: Result<&'static N>) -> Result<Start> {
    alone::operations(notify, N::notify, |_| Ok(()))
}

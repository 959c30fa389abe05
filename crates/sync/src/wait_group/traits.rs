//! What the standard library's traits make of a group.

use std::fmt;

use super::{WaitGroup, WaitGroupError};

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.locked(self.state.try_lock());
        // Unlocked before it is written: what it is written to may be full, or use the group.
        let seen = state.map(|state| (state.left(), state.pids().collect::<Vec<u32>>()));
        let mut shown = f.debug_struct("WaitGroup");
        match seen {
            Ok((left, pids)) => {
                shown.field("remaining", &left).field("members", &pids);
            }
            Err(WaitGroupError::TimedOut) => {
                shown.field("remaining", &format_args!("<locked>"));
            }
            Err(error) => {
                shown.field("remaining", &format_args!("<{error}>"));
            }
        }
        shown.finish_non_exhaustive()
    }
}

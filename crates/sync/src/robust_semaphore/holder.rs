//! Who has a permit, to be shown.

use std::fmt;

use crate::claims::ANONYMOUS;
use crate::identity;

/// The process that has, or had, a permit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// 0: nobody knows any more.
    pid: u32,
}

impl Holder {
    pub(super) fn of(owner: u64) -> Self {
        let pid = if owner == ANONYMOUS { std::process::id() } else { identity::pid_of(owner) };
        Self { pid }
    }

    /// The number of the process. `None`: it has ended, and so long ago that its name in the family went to another one.
    pub fn pid(self) -> Option<u32> {
        Some(self.pid).filter(|pid| *pid != 0)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid() {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("a process that has ended"),
        }
    }
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

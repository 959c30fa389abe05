//! Whether this process still sees the others as its family does. That was so when it got its name; but it can enter another time
//! namespace since, and another /proc can be mounted where it looks.

use super::Registry;
use crate::sys::process::{namespaces, pid_namespace};

impl Registry {
    /// Whether a number of a process means the same here as in the family. A process stays in its pid namespace for good, so that one
    /// where /proc does not tell is in that in which it got its name.
    pub(crate) fn counts_alike(&self) -> bool {
        pid_namespace().is_none_or(|ours| ours == self.header.pid_namespace)
    }

    /// Whether /proc tells of the family's processes, and in the family's time.
    pub(crate) fn sees_alike(&self) -> bool {
        let family = (self.header.pid_namespace, self.header.time_namespace);
        namespaces().is_ok_and(|ours| (ours.pid, ours.time) == family)
    }
}

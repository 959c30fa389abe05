//! Whether this process sees the others as its family does. Without that it gets no name; and it can enter another time namespace
//! since, and another /proc can be mounted where it looks.

use super::header::Header;
use super::{Registry, RegistryError};
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

impl Header {
    /// Refuses a process in other namespaces than the family's. One that was put into another pid namespace sees itself in a /proc that was
    /// mounted before, though not by its own number: it is told of the namespace, and not to mount what would not help.
    pub(super) fn check_namespaces(&self) -> Result<(), RegistryError> {
        if let Some(ours) = pid_namespace().filter(|ours| *ours != self.pid_namespace) {
            return Err(RegistryError::ForeignPidNamespace { family: self.pid_namespace, ours });
        }
        match namespaces().map_err(|_| RegistryError::NoProc)?.time {
            ours if ours == self.time_namespace => Ok(()),
            ours => Err(RegistryError::ForeignTimeNamespace { family: self.time_namespace, ours }),
        }
    }
}

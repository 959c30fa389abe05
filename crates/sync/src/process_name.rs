//! `ProcessName`: the name of a process within its family, in 32 bits, for words in shared memory.

use std::fmt;

use crate::identity::{self, Claim, IdentityError};

/// The name of a process within its family, for those who keep in shared memory whose something is.
///
/// It is the process half of the names in this crate's locks: an entry of the family's registry, and the generation that tells the
/// process from those which had the entry before. A fork is another process, with another name. A name comes again when its entry has had
/// 65,536 other occupants, and not before.
///
/// ```
/// use multiproc_sync::{IdentityError, ProcessName};
///
/// match ProcessName::this() {
///     Ok(name) => {
///         let word = name.to_bits(); // in shared memory, say
///         assert_eq!(ProcessName::from_bits(word), Some(name));
///         assert_eq!(name.pid(), Some(std::process::id()));
///         assert!(!name.has_ended());
///     }
///     // `multiproc_shm::family::registry()` makes one.
///     Err(error) => assert_eq!(error, IdentityError::NoRegistry),
/// }
/// assert_eq!(ProcessName::from_bits(0), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProcessName(u32);

impl ProcessName {
    /// The name of this process: its own from now to its end.
    ///
    /// Cost: a few loads; the first call in a process some system calls.
    ///
    /// # Errors
    ///
    /// [`NoRegistry`](IdentityError::NoRegistry) in a process without a family; [`TooManyProcesses`](IdentityError::TooManyProcesses);
    /// the others where the process could not be told from others, or could not learn of their ends.
    #[inline]
    pub fn this() -> Result<Self, IdentityError> {
        identity::process_of_this().map(|claim| Self(claim.packed()))
    }

    /// As a number that is never 0.
    #[inline]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// The name that a word says, if it says one. It may be the name of nobody: any word but those below 65,536 is some name.
    #[inline]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        if Claim::unpacked(bits).is_some() { Some(Self(bits)) } else { None }
    }

    /// The kernel's number of the process, for messages. `None`: its entry has gone to another since, or there is no such entry.
    ///
    /// The process may have ended, and its number be another's by now.
    pub fn pid(self) -> Option<u32> {
        identity::pid_of_process(self.claim()?)
    }

    /// Whether the whole process has ended, so that nothing of it writes any more. Its pidfd proves it; what cannot be seen (no descriptor
    /// is left, say, or another pid namespace) has not ended.
    ///
    /// A name whose entry has gone to another process since is that of one which has ended. A name of no entry is nobody's, of whom there is
    /// no proof.
    ///
    /// Cost: some 20 µs of system calls, of a process that runs.
    pub fn has_ended(self) -> bool {
        self.claim().is_some_and(identity::process_has_ended)
    }

    fn claim(self) -> Option<Claim> {
        Claim::unpacked(self.0)
    }
}

impl fmt::Debug for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.claim() {
            Some(Claim { index, generation }) => write!(f, "ProcessName({index}.{generation})"),
            None => f.write_str("ProcessName(0)"),
        }
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn words_that_name_nobody_are_told() {
        for word in [0, 1, 0xffff] {
            assert_eq!(ProcessName::from_bits(word), None);
        }
        let none = ProcessName::from_bits(u32::MAX).unwrap();
        assert_eq!(none.to_bits(), u32::MAX);
        assert!(!none.has_ended(), "nobody has proof");
        assert_eq!(none.pid(), None);
        assert_eq!(format!("{none:?}"), "ProcessName(65534.65535)");
    }
}

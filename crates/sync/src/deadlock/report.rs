//! What is told of threads that wait for each other.

use std::fmt;

use super::Access;
use crate::CallSite;
use crate::robust_word::RobustWord;

/// Threads that wait for each other: each for what the next one has, the last for what the first has. One alone asks for what it has
/// itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    parties: Vec<Party>,
}

/// One of the threads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Party {
    /// Who it is.
    pub thread: ThreadName,
    /// What it has, and the one before it waits for.
    pub has: LockUse,
    /// What it waits for.
    pub wants: LockUse,
}

/// A thread, as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ThreadName {
    /// The number of its process.
    pub pid: u32,
    /// Its own number.
    pub tid: u32,
    /// Its name, of which the kernel keeps 15 bytes; `None` if it could not be read.
    pub name: Option<String>,
}

/// How a thread uses a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockUse {
    /// Which lock.
    pub lock: LockName,
    /// Alone or beside others.
    pub access: Access,
    /// Where in the source it asks for the lock, or has asked for it; `None` without the feature `deadlock`.
    pub site: Option<CallSite>,
}

/// A lock.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LockName {
    /// One that was given a name, as by [`Mutex::set_name`](crate::Mutex::set_name).
    Named(String),
    /// One in shared memory, by a number that it has in the family.
    Number(u32),
    /// One of a single process, by its address there; without the feature `deadlock` one in shared memory, too.
    Address(u64),
}

impl Report {
    #[cfg(all(feature = "deadlock", not(multiproc_loom)))]
    pub(super) fn new(parties: Vec<Party>) -> Self {
        Self { parties }
    }

    /// Of the calling thread, which has the lock that it asks for.
    pub(crate) fn of_self(lock: &RobustWord) -> Self {
        let at = std::ptr::from_ref(lock) as u64;
        let this = LockUse { lock: LockName::Address(at), access: Access::Exclusive, site: None };
        Self { parties: vec![Party { thread: ThreadName::of_self(), has: this.clone(), wants: this }] }
    }

    /// The threads, in the order in which they wait for each other; the one that was told comes first.
    pub fn parties(&self) -> &[Party] {
        &self.parties
    }

    /// Says what the locks are called.
    #[cfg(all(feature = "watch", not(multiproc_loom)))]
    pub(crate) fn name_locks(&mut self, name: LockName) {
        for party in &mut self.parties {
            (party.has.lock, party.wants.lock) = (name.clone(), name.clone());
        }
    }

    /// Says how the one thread uses its lock.
    #[cfg(all(feature = "watch", not(multiproc_loom)))]
    pub(crate) fn set_uses(&mut self, has: (Access, Option<CallSite>), wants: (Access, Option<CallSite>)) {
        for party in &mut self.parties {
            (party.has.access, party.has.site) = has.clone();
            (party.wants.access, party.wants.site) = wants.clone();
        }
    }
}

impl ThreadName {
    /// The calling thread.
    fn of_self() -> Self {
        let name = std::thread::current().name().map(str::to_string);
        Self { pid: std::process::id(), tid: thread_id(), name }
    }
}

#[cfg(not(multiproc_loom))]
fn thread_id() -> u32 {
    crate::sys::robust_list::thread_id()
}

/// The kernel does not know the threads of a model.
#[cfg(multiproc_loom)]
fn thread_id() -> u32 {
    0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parties.len() {
            1 => f.write_str("a thread waits for a lock that it has itself")?,
            threads => write!(f, "{threads} threads wait for each other")?,
        }
        self.parties.iter().try_for_each(|party| write!(f, "\n  {party}"))
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { thread, has, wants } = self;
        let [reads, to_read] = [has, wants].map(|used| used.access == Access::Read);
        write!(
            f,
            "{thread} {} {has}, and waits {} {wants}",
            if reads { "reads" } else { "has" },
            if to_read { "to read" } else { "for" }
        )
    }
}

impl fmt::Display for ThreadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, tid, name } = self;
        match name {
            Some(name) => write!(f, "thread `{name}` (process {pid}, thread {tid})"),
            None => write!(f, "a thread (process {pid}, thread {tid})"),
        }
    }
}

impl fmt::Display for LockUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.lock)?;
        self.site.as_ref().map_or(Ok(()), |site| write!(f, " (asked for at {site})"))
    }
}

impl fmt::Display for LockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => write!(f, "`{name}`"),
            Self::Number(number) => write!(f, "lock {number}"),
            Self::Address(address) => write!(f, "the lock at {address:#x}"),
        }
    }
}

//! Locks: who holds each, and who waits for it.
//!
//! Three witnesses are heard: the locks themselves, whose words name their owners (`multiproc_sync::registry::inspect`); the kernel, for who
//! sleeps at which word (`asleep`); and, in programs that were built for it, the threads, which tell what they hold and wait for and where
//! in the source. `gather` joins what they say.

mod asleep;
mod board;
mod families;
mod files;
mod gather;
mod names;
mod shown;

use serde::Serialize;

pub(crate) use self::gather::locks;
pub(crate) use self::shown::show;

/// What is known of the locks of all families.
#[derive(Debug, Serialize)]
pub(crate) struct Locks {
    locks: Vec<Lock>,
    families: Vec<Family>,
    /// Threads of which the kernel does not tell this user what they sleep at.
    untold_threads: usize,
    /// Segments in which more locks are held than are shown, by the numbers of their files.
    overfull_segments: Vec<u64>,
}

/// Those who have one registry.
#[derive(Debug, Serialize)]
struct Family {
    /// The number of its file.
    registry: u64,
    /// Whether its threads tell of their locks themselves.
    is_watched: bool,
    /// Whether the numbers of its processes mean the same here.
    is_of_this_namespace: bool,
    /// Threads whose locks changed whenever they were looked at.
    changing_threads: usize,
    /// Why nothing is known of its locks.
    error: Option<String>,
}

/// A lock that somebody has or waits for.
#[derive(Debug, Serialize)]
struct Lock {
    /// By its registry.
    family: Option<u64>,
    /// By the number of its file; `None`: it lies in the memory of one process, or nobody tells where.
    segment: Option<u64>,
    /// Where in the segment.
    offset: Option<u64>,
    /// What it guards, where that is known by the place.
    of: Option<&'static str>,
    name: Option<String>,
    /// In its family.
    number: Option<u32>,
    state: State,
    holders: Vec<Party>,
    waiters: Vec<Party>,
    /// It says itself that somebody may sleep.
    may_be_slept_on: bool,
    /// Its bytes were read, and tell who has it.
    #[serde(skip)]
    is_seen: bool,
}

/// What has become of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Held,
    /// By any number, beside each other.
    Read,
    /// A semaphore whose permits have owners, all of which are taken.
    Taken,
    /// Its owner's process has ended: who asks next is told.
    OwnerDied,
    /// Its owner's thread has ended, and the process goes on: nobody gets it.
    OwnerLeft,
    /// Its owner's thread has ended, and nothing tells whether the process has.
    OwnerGone,
    Free,
    /// What is waited for has no owner, or none that is known.
    Ownerless,
}

/// A thread that has a lock or waits for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Party {
    /// 0: nobody knows any more.
    pid: u32,
    /// 0: nobody knows any more.
    tid: u32,
    /// What the thread is called.
    thread: Option<String>,
    is_alive: bool,
    /// Beside others.
    reads: bool,
    /// Since when it has the lock, or waits.
    seconds: Option<u64>,
    /// Where in the source it has asked.
    at: Option<String>,
}

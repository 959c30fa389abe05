//! The threads of a family, and what each tells of its locks.

use std::time::Duration;

use super::Access;
use crate::CallSite;
use crate::identity::{Claim, Owner};

/// A thread that has a name in the family.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thread {
    /// The number of its process.
    pub pid: u32,
    /// The kernel's number of the thread; 0: it has ended, and nobody knows any more.
    pub tid: u32,
    /// It has ended in order, though its process may go on.
    pub has_left: bool,
    /// What it has told of, as a thread of a watched family; of at most 40 locks.
    pub holds: Vec<Hold>,
    /// What it waits for until it has it, as it has told.
    pub wait: Option<Wait>,
    /// What it tells was changing whenever it was read, and is left out. It is never said of one that has ended, which may have been killed
    /// in the middle of a change.
    pub is_changing: bool,
    pub(super) process: Claim,
    pub(super) thread: Claim,
    /// The kernel has marked it: it has ended, in whatever way.
    pub(super) has_ended: bool,
}

impl Thread {
    pub(super) fn owner(&self) -> u64 {
        Owner { process: self.process, thread: self.thread }.packed()
    }
}

/// A lock, as threads tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockKey {
    /// One in shared memory, by the number that it has in the family.
    Placed(u32),
    /// One of a single process, by a number that it alone has there.
    Private(u64),
}

/// A lock that a thread holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hold {
    /// Which lock.
    pub lock: LockKey,
    /// Alone or beside others.
    pub access: Access,
    /// Where in the source it was asked for.
    pub site: Option<CallSite>,
    /// For how long; `None`: only locks with a name are timed, by the feature `contention`.
    pub held_for: Option<Duration>,
    pub(super) place: u32,
}

impl Hold {
    /// Whether a lock at this address of the thread's process may be the one: of its address the thread has told 32 bits. Whose it is, the
    /// lock itself tells ([`Lock::number`](super::Lock::number)).
    pub fn may_be_at(&self, address: u64) -> bool {
        address.is_multiple_of(8) && (address / 8) as u32 == self.place
    }

    /// The addresses in a mapping at which the lock may be.
    pub fn places_within(&self, addresses: std::ops::Range<u64>) -> impl Iterator<Item = u64> {
        /// From one address with the same 32 bits to the next.
        const APART: u64 = 8 << 32;
        /// More than that are in no mapping that there can be.
        const MOST: usize = 1 << 14;
        let first = addresses.start / APART * APART + u64::from(self.place) * 8;
        let first = if first < addresses.start { first.saturating_add(APART) } else { first };
        std::iter::successors(Some(first), |at| at.checked_add(APART))
            .take(MOST)
            .take_while(move |at| *at < addresses.end)
    }
}

/// A lock that a thread waits for, until it has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// Which lock.
    pub lock: LockKey,
    /// What for.
    pub access: Access,
    /// What it is called, if it has a name in the family.
    pub name: Option<String>,
    /// Where in the source it was asked for.
    pub site: Option<CallSite>,
    /// For how long.
    pub waited_for: Option<Duration>,
    /// Where the lock lies in the thread's process.
    pub address: u64,
}

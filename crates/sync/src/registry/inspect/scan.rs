//! Locks that are found by looking through memory.

use std::io;

use super::layout::lock as at;
use super::source::{Source, copy};
use super::{Lock, Snapshot};
use crate::rwlock::MAX_READERS;

/// How much of a segment is looked through for locks, from its beginning on: what has locks is mostly small, and what is large are
/// elements and blocks without.
pub const LOOKED_THROUGH: u64 = 1 << 20;

/// The most locks that are told of in one segment: that somebody has more at a time there is the work of who forges them.
pub const MOST_FOUND: usize = 4096;

/// What was found in a segment ([`Snapshot::locks_in`]).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scan {
    /// In the order in which they lie there, [`MOST_FOUND`] at most.
    pub locks: Vec<Lock>,
    /// Whether there were no more.
    pub is_complete: bool,
}

impl Snapshot {
    /// The locks in a segment of the family that name a thread which has them, in the first [`LOOKED_THROUGH`] bytes: also those that nobody
    /// waits for, and those of threads that tell nothing. What has no owner is not found so.
    ///
    /// # Errors
    ///
    /// The memory cannot be read.
    pub fn locks_in(&self, memory: &(impl Source + ?Sized)) -> io::Result<Scan> {
        /// Behind what is looked through: as much as a lock that begins at its end may take.
        const BEHIND: usize = at::SLOTS_AT + MAX_READERS * at::SLOT_LEN;
        let len = memory.len()?.min(LOOKED_THROUGH) as usize;
        let bytes = copy(memory, 0, len + BEHIND)?;
        let end = len.min(bytes.len());
        let (mut locks, mut place, mut slots_end) = (Vec::new(), 0, 0);
        while place < end {
            let (here, offset) = (&bytes[place..], place as u64);
            // A slot that is taken may look like the head of an `RwLock`, which those in the next slots read.
            let read = || if place < slots_end { None } else { self.read_lock(here, offset) };
            let Some(lock) = self.owned_lock(here, offset).or_else(read) else {
                place += 8;
                continue;
            };
            if locks.len() == MOST_FOUND {
                return Ok(Scan { locks, is_complete: false });
            }
            slots_end = slots_end.max(place + self.known_len(here, &lock));
            locks.push(lock);
            place += at::HEAD_LEN;
        }
        Ok(Scan { locks, is_complete: true })
    }
}

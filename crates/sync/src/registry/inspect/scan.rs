//! Locks that are found by looking through memory.

use std::io;

use super::layout::lock as at;
use super::source::{Source, copy};
use super::{Lock, Snapshot};
use crate::rwlock::MAX_READERS;

/// How much of a segment is looked through for locks, from its beginning on: what has locks is mostly small, and what is large are
/// elements and blocks without.
pub const LOOKED_THROUGH: u64 = 1 << 20;

impl Snapshot {
    /// The locks in a segment of the family that name a thread which has them, in the first [`LOOKED_THROUGH`] bytes: also those that nobody
    /// waits for, and those of threads that tell nothing. What has no owner is not found so.
    ///
    /// # Errors
    ///
    /// The memory cannot be read.
    pub fn locks_in(&self, memory: &(impl Source + ?Sized)) -> io::Result<Vec<Lock>> {
        /// Behind what is looked through: as much as a lock that begins at its end may take.
        const BEHIND: usize = at::SLOTS_AT + MAX_READERS * at::SLOT_LEN;
        let len = memory.len()?.min(LOOKED_THROUGH) as usize;
        let bytes = copy(memory, 0, len + BEHIND)?;
        let places = (0..len.min(bytes.len())).step_by(8);
        Ok(places.filter_map(|place| self.held_lock(&bytes[place..], place as u64)).collect())
    }
}

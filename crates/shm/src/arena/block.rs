//! A block, as the word says it that processes exchange: claimed, released, sent, received, swept.
//!
//! Each step is one exchange or one store, so that a kill at any instruction leaves the block somebody's by name, a message's, or free.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use multiproc_sync::ProcessName;
use multiproc_sync::primitive::AtomicU64;

use super::word::{State, Word};
use crate::planted::{Bug, planted};

/// The word of one block.
#[repr(transparent)]
#[derive(Debug, Default)]
pub(crate) struct Block(AtomicU64);

impl Block {
    /// What the word says now. What was done with the block before is seen with it.
    pub(crate) fn look(&self) -> Word {
        // Acquire: with the Release of every change. Who finds a run sees of how many spans it is.
        Word::from_bits(self.0.load(Acquire))
    }

    fn exchange(&self, from: Word, to: Word) -> bool {
        // AcqRel: with that of the change before, and of the one after.
        self.0.compare_exchange(from.to_bits(), to.to_bits(), AcqRel, Relaxed).is_ok()
    }

    fn exchanged(&self, from: Word, to: Word) -> Option<Word> {
        self.exchange(from, to).then_some(to)
    }

    /// Takes a block that was seen free.
    #[inline]
    pub(crate) fn claim(&self, free: Word, process: ProcessName) -> Option<Word> {
        let owned = free.owned(process, free.class());
        if planted(Bug::ClaimedByStore) {
            self.0.store(owned.to_bits(), Release);
            return Some(owned);
        }
        self.exchanged(free, owned)
    }

    /// Ends the claim of the calling process, which nobody else changes while the process lives.
    #[inline]
    pub(crate) fn release(&self, owned: Word) {
        // Release: with the Acquire of who claims it next.
        let order = if planted(Bug::ReleasedUnordered) { Relaxed } else { Release };
        self.0.store(owned.free(owned.class()).to_bits(), order);
    }

    /// Gives a block of the calling process to a message. `None`: it is no longer as it was.
    pub(crate) fn take_off(&self, owned: Word) -> Option<Word> {
        self.exchanged(owned, owned.in_flight())
    }

    /// Takes a block back from a message that did not go. As another word than before: who has seen that flight's message end may still be about
    /// to free the block.
    pub(crate) fn roll_back(&self, flight: Word, before: Word) -> Option<Word> {
        let back = if planted(Bug::RolledBackUnchanged) { before } else { flight.come_back() };
        self.exchanged(flight, back)
    }

    /// Takes a block out of a message, for the calling process. `None`: somebody else has, or the message's block was swept.
    pub(crate) fn land(&self, flight: Word, process: ProcessName) -> Option<Word> {
        let owned = flight.owned(process, flight.class());
        if planted(Bug::LandedByStore) {
            self.0.store(owned.to_bits(), Release);
            return Some(owned);
        }
        self.exchanged(flight, owned)
    }

    /// Sets a block free whose process has ended, or whose message has. Whoever proves it looks at the word before.
    pub(crate) fn sweep(&self, seen: Word) -> bool {
        let free = seen.free(seen.class());
        if planted(Bug::SweptByStore) {
            self.0.store(free.to_bits(), Release);
            return true;
        }
        self.exchange(seen, free)
    }

    /// Lets a closed block be claimed. By who has the arena's lock.
    pub(crate) fn open(&self, class: u32) {
        let seen = self.look();
        if seen.state() == State::Closed {
            self.0.store(seen.free(class).to_bits(), Release);
        }
    }

    /// Claims a closed block. By who has the arena's lock.
    pub(crate) fn open_claimed(&self, class: u32, process: ProcessName) -> Word {
        let owned = self.look().owned(process, class);
        self.0.store(owned.to_bits(), Release);
        owned
    }

    /// Keeps all from a free block; `false`: it is not free. By who has the arena's lock.
    pub(crate) fn close(&self) -> bool {
        let seen = self.look();
        if planted(Bug::ClosedByStore) {
            self.0.store(seen.closed().to_bits(), Release);
            return seen.state() == State::Free;
        }
        seen.state() == State::Free && self.exchange(seen, seen.closed())
    }
}

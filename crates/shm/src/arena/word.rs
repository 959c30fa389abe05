//! The word of a block: whose it is, in which state, of which class, and how often that has changed.
//!
//! ```text
//!    63          32 31  28 27   26 25           0
//!  ┌───────────────┬──────┬───────┬──────────────┐
//!  │ process, or 0 │ class│ state │ epoch        │      a word of zeros: closed
//!  └───────────────┴──────┴───────┴──────────────┘
//! ```

use std::fmt;

use multiproc_sync::ProcessName;

/// The class of a run of spans.
pub(crate) const RUN: u32 = 15;

const EPOCH: u64 = (1 << 26) - 1;
const STATE_AT: u32 = 26;
const CLASS_AT: u32 = 28;
const NAME_AT: u32 = 32;

/// What may be done with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Its span is not laid out, or is being laid out.
    Closed,
    /// Whoever comes may have it.
    Free,
    /// A process has it.
    Owned,
    /// A message has it, which a process has sent.
    InFlight,
}

/// The word of a block. Each change makes another word of it: the epoch counts them, up to 2^26 and then anew.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn state(self) -> State {
        match (self.0 >> STATE_AT) & 3 {
            0 => State::Closed,
            1 => State::Free,
            2 => State::Owned,
            _ => State::InFlight,
        }
    }

    pub(crate) const fn class(self) -> u32 {
        (self.0 >> CLASS_AT) as u32 & 15
    }

    /// The process that has the block, or that has sent it. A word that a wild store has left may name nobody.
    pub(crate) const fn process(self) -> Option<ProcessName> {
        ProcessName::from_bits((self.0 >> NAME_AT) as u32)
    }

    pub(super) const fn closed(self) -> Self {
        self.next(0, 0, State::Closed)
    }

    pub(super) const fn free(self, class: u32) -> Self {
        self.next(0, class, State::Free)
    }

    pub(super) const fn owned(self, process: ProcessName, class: u32) -> Self {
        self.next(process.to_bits(), class, State::Owned)
    }

    pub(super) const fn in_flight(self) -> Self {
        self.next((self.0 >> NAME_AT) as u32, self.class(), State::InFlight)
    }

    /// Back with its sender.
    pub(super) const fn come_back(self) -> Self {
        self.next((self.0 >> NAME_AT) as u32, self.class(), State::Owned)
    }

    const fn next(self, name: u32, class: u32, state: State) -> Self {
        let epoch = (self.0 & EPOCH).wrapping_add(1) & EPOCH;
        Self((name as u64) << NAME_AT | (class as u64) << CLASS_AT | (state as u64) << STATE_AT | epoch)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?}({:?}, class {}, epoch {})",
            self.state(),
            self.process(),
            self.class(),
            self.0 & EPOCH
        )
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_another_word_and_says_what_it_is() {
        let process = ProcessName::from_bits(7 << 16 | 3).unwrap();
        let zero = Word::from_bits(0);
        assert_eq!((zero.state(), zero.process()), (State::Closed, None));
        let free = zero.free(4);
        assert_eq!((free.state(), free.class(), free.process()), (State::Free, 4, None));
        let owned = free.owned(process, 4);
        assert_eq!((owned.state(), owned.class(), owned.process()), (State::Owned, 4, Some(process)));
        let flight = owned.in_flight();
        assert_eq!((flight.state(), flight.class(), flight.process()), (State::InFlight, 4, Some(process)));
        let back = flight.come_back();
        assert_eq!((back.state(), back.process()), (State::Owned, Some(process)));
        assert_ne!(back, owned);
        assert_eq!(back.free(RUN).class(), RUN);
        assert_ne!(free, free.closed().free(4));
    }

    #[test]
    fn the_epoch_begins_anew_and_touches_nothing_else() {
        let last = Word::from_bits(EPOCH).free(9);
        assert_eq!((last.state(), last.class(), last.to_bits() & EPOCH), (State::Free, 9, 0));
    }
}

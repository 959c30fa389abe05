//! One process, and one thread, of a family.

use crate::identity::{Claim, STARTED_BITS};
use crate::primitive::{AtomicU32, AtomicU64};
use crate::robust_word::RobustWord;

/// A process: 64 bytes, of which 56 are reserved.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct ProcessEntry {
    /// An [`Occupant`]; number 0: free. Changed as one, so that an entry is never half claimed.
    pub(super) occupant: AtomicU64,
}

/// Who has a process's entry: number in bits 0 to 21, start time in 22 to 47, generation in 48 to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Occupant {
    pub(super) pid: u32,
    pub(super) started: u32,
    pub(super) generation: u16,
}

/// The kernel counts processes up to 2^22 at most.
const PID_BITS: u32 = 22;

impl Occupant {
    pub(super) fn unpacked(word: u64) -> Self {
        Self {
            pid: (word & ((1 << PID_BITS) - 1)) as u32,
            started: (word >> PID_BITS & ((1 << STARTED_BITS) - 1)) as u32,
            generation: (word >> (PID_BITS + STARTED_BITS)) as u16,
        }
    }

    pub(super) fn packed(self) -> u64 {
        u64::from(self.pid)
            | u64::from(self.started) << PID_BITS
            | u64::from(self.generation) << (PID_BITS + STARTED_BITS)
    }
}

/// A thread: 64 bytes.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct ThreadEntry {
    /// Held for as long as the thread lives: the kernel marks it when the thread is no more.
    pub(super) life: RobustWord,
    /// Generation in bits 0 to 15, [`LEFT`].
    pub(super) mark: AtomicU32,
    /// The packed claim of its process; 0: never used.
    pub(super) process: AtomicU32,
}

/// The thread has ended in order.
pub(super) const LEFT: u32 = 1 << 16;

impl ThreadEntry {
    pub(super) fn process(&self) -> Option<Claim> {
        Claim::unpacked(self.process.load(std::sync::atomic::Ordering::Relaxed))
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn entries_are_64_bytes() {
        assert_eq!(size_of::<ProcessEntry>(), 64);
        assert_eq!(size_of::<ThreadEntry>(), 64);
    }

    #[test]
    fn an_occupant_survives_its_packing() {
        let largest = Occupant { pid: (1 << 22) - 1, started: (1 << 26) - 1, generation: u16::MAX };
        for occupant in [largest, Occupant { pid: 1, started: 0, generation: 9 }, Occupant::unpacked(0)] {
            assert_eq!(Occupant::unpacked(occupant.packed()), occupant);
        }
    }
}

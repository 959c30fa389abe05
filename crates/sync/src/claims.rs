//! Claims by name: a word says who has what it stands for, so that what a dead process had can be found, and passed on.
//!
//! A claim is made by one exchange of the word and ended by one, so that a kill at any instruction leaves a claim with a name or
//! none. The name is that of a thread; what counts is its process: only when the whole of it has ended may another take the claim
//! over, by an exchange of exactly that name, which no other thread ever has.
//!
//! ```text
//!    63     62                                         0
//!  ┌──────┬─────────────────────────────────────────────┐      0         free
//!  │ MARK │ who has it, a packed Owner, or ANONYMOUS    │      MARK      free, and somebody may sleep
//!  └──────┴─────────────────────────────────────────────┘      the mark outlives claims, as a mutex's bit for waiters
//! ```

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

use crate::identity::{self, Owner};
use crate::planted::{Bug, planted};
use crate::primitive::AtomicU64;
#[cfg(not(multiproc_loom))]
use crate::registry::MAX_PROCESSES;

/// Somebody may sleep until the claim ends.
pub(crate) const MARK: u64 = 1 << 63;

/// A packed name begins with one more than the index of its process, in 16 bits: the highest of these is never used.
#[cfg(not(multiproc_loom))]
const _: () = assert!(MAX_PROCESSES < 1 << 15);

const FREE: u64 = 0;

/// Who claims in private memory, where nobody dies alone. It is the name of no thread.
pub(crate) const ANONYMOUS: u64 = 1;

/// What one claims.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct Claim(AtomicU64);

impl Claim {
    /// One that nobody has.
    #[cfg(not(multiproc_loom))]
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(FREE))
    }

    /// One that nobody has.
    #[cfg(multiproc_loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(FREE))
    }

    /// Takes it, if it is free and bears no mark.
    #[inline(always)]
    pub(crate) fn take(&self, owner: u64) -> bool {
        if planted(Bug::PermitTakenTwice) {
            let is_free = self.0.load(Relaxed) == FREE;
            if is_free {
                self.0.store(owner, Relaxed);
            }
            return is_free;
        }
        // Acquire: with the Release of `end`.
        self.0.compare_exchange(FREE, owner, Acquire, Relaxed).is_ok()
    }

    /// As [`take`](Self::take), for one who looks next whether he may: the claim is seen by then.
    #[inline(always)]
    pub(crate) fn take_and_be_seen(&self, owner: u64) -> bool {
        // SeqCst: with that of `is_free`. One of the two sees what the other did.
        self.0.compare_exchange(FREE, owner, SeqCst, Relaxed).is_ok()
    }

    /// Takes it if it is free, with its mark, and with `mark`.
    pub(crate) fn take_marked(&self, owner: u64, mark: u64) -> bool {
        let mut seen = self.0.load(Relaxed);
        while seen & !MARK == FREE {
            // Acquire: with the Release of `end`, also of one that comes after other exchanges of the word.
            match self.0.compare_exchange(seen, owner | seen | mark, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Takes it as [`take_marked`](Self::take_marked), or marks it: who ends the claim then knows that somebody may sleep.
    pub(crate) fn take_or_mark(&self, owner: u64, mark: u64) -> bool {
        loop {
            if self.take_marked(owner, mark) {
                return true;
            }
            let seen = self.0.load(Relaxed);
            if seen & MARK != 0 && seen != MARK {
                return false;
            }
            // Release: with the Acquire of `end_marked`, which comes after what the sleeper has read of its bell.
            if seen & !MARK != FREE && self.0.compare_exchange(seen, seen | MARK, Release, Relaxed).is_ok() {
                return false;
            }
        }
    }

    /// Ends the claim of this owner; `false`: it is marked, or not this owner's.
    #[inline(always)]
    pub(crate) fn end(&self, owner: u64) -> bool {
        // Release: with the Acquires of all that take it.
        let order = if planted(Bug::RelaxedUnlock) { Relaxed } else { Release };
        self.0.compare_exchange(owner, FREE, order, Relaxed).is_ok()
    }

    /// Ends the marked claim of this owner, and leaves the mark; `false`: it is not this owner's.
    pub(crate) fn end_marked(&self, owner: u64) -> bool {
        // Release: as `end`. Acquire: with the Release of `take_or_mark`.
        self.0.compare_exchange(owner | MARK, MARK, AcqRel, Relaxed).is_ok()
    }

    /// Takes the mark off, if it is free: nobody was found asleep.
    pub(crate) fn unmark(&self) {
        // If it fails, another has it with the mark, and one call later will be in vain.
        let _ = self.0.compare_exchange(MARK, FREE, Relaxed, Relaxed);
    }

    /// Takes it from an owner whose process has ended, with `mark`; gives the owner's name. `lives` is what is known to `owner`.
    #[cold]
    #[inline(never)]
    pub(crate) fn take_over(&self, owner: u64, mark: u64, lives: &mut Lives) -> Option<u64> {
        let mut seen = self.0.load(Relaxed);
        let dead = self.owner().filter(|dead| lives.is_gone(*dead))?;
        if planted(Bug::TakenOverUnseen) {
            self.0.store(owner | mark, Relaxed);
            return Some(dead);
        }
        // A name is never given twice: whoever else took it over has another one.
        while seen & !MARK == dead {
            // Acquire: with the Release of `end`, where the dead one had it from. What the dead one did itself came before the end
            // of its process, which `is_gone` has seen.
            let kept = if planted(Bug::MarkNotTakenOver) { 0 } else { seen & MARK };
            match self.0.compare_exchange(seen, owner | kept | mark, Acquire, Relaxed) {
                Ok(_) => return Some(dead),
                Err(now) => seen = now,
            }
        }
        None
    }

    /// Sets it free if it belongs to a process that has ended. What is known of processes is `lives`.
    #[cold]
    pub(crate) fn free_if_gone(&self, lives: &mut Lives) -> bool {
        let mut seen = self.0.load(Relaxed);
        let Some(dead) = self.owner().filter(|dead| lives.is_gone(*dead)) else { return false };
        while seen & !MARK == dead {
            // Acquire: as `take_over`. Release: for who takes it next.
            match self.0.compare_exchange(seen, seen & MARK, AcqRel, Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Whether nobody has it. What was done with it before is seen then.
    #[inline(always)]
    pub(crate) fn is_free(&self) -> bool {
        // SeqCst: with that of `take_and_be_seen`. As Acquire: with the Release of `end`.
        self.0.load(SeqCst) & !MARK == FREE
    }

    /// Marks it, for who ends it to know that somebody may sleep; `false`: it is free.
    pub(crate) fn mark(&self) -> bool {
        // SeqCst: as `is_free`.
        let mut seen = self.0.load(SeqCst);
        while seen & !MARK != FREE {
            if seen & MARK != 0 {
                return true;
            }
            // Release: as in `take_or_mark`.
            match self.0.compare_exchange(seen, seen | MARK, Release, Acquire) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Whether who ends it has to wake somebody.
    #[cfg(all(test, multiproc_loom))]
    pub(crate) fn is_marked(&self) -> bool {
        self.0.load(Relaxed) & MARK != 0
    }

    /// Who has it; `None`: it is free.
    pub(crate) fn owner(&self) -> Option<u64> {
        Some(self.0.load(Relaxed) & !MARK).filter(|owner| *owner != FREE)
    }
}

/// Whose processes were seen alive in one look at several claims, which is not to ask after each anew: that takes several system calls.
#[derive(Debug)]
pub(crate) struct Lives {
    own: Option<identity::Claim>,
    last: Option<identity::Claim>,
}

impl Lives {
    /// The look of this owner, whose own process lives.
    pub(crate) fn seen_by(owner: u64) -> Self {
        Self { own: process(owner), last: None }
    }

    /// Whether the process of `other` has ended.
    fn is_gone(&mut self, other: u64) -> bool {
        if planted(Bug::DeadHolderUnseen) {
            return false;
        }
        if planted(Bug::AlarmTaken) && is_dying(other) {
            return true;
        }
        let its = process(other);
        // What names no process belongs to nobody who could be gone.
        if its.is_none() || its == self.own || its == self.last {
            return false;
        }
        let is_gone = identity::is_gone(other);
        if !is_gone {
            self.last = its;
        }
        is_gone
    }
}

fn process(owner: u64) -> Option<identity::Claim> {
    Owner::unpacked(owner).map(|owner| owner.process)
}

fn is_dying(owner: u64) -> bool {
    identity::verdict(owner) == identity::Verdict::Alive { dying: true }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_mark_outlives_the_claim_until_nobody_is_found_asleep() {
        let claim = Claim::new();
        assert!(claim.take(7) && !claim.take(8) && !claim.take_marked(8, MARK));
        assert!(!claim.end(8) && !claim.end_marked(7), "not its owner, not marked");
        assert!(!claim.take_or_mark(8, 0) && !claim.take_or_mark(9, 0));
        assert_eq!(claim.owner(), Some(7));
        assert!(!claim.end(7), "marked");
        assert!(!claim.end_marked(8) && claim.end_marked(7));
        assert_eq!(claim.owner(), None);
        assert!(!claim.take(8), "for the slow path");
        assert!(claim.take_marked(8, 0) && !claim.end(8) && claim.end_marked(8));
        claim.unmark();
        assert!(claim.take(9));
        claim.unmark();
        assert!(claim.end(9));
        assert!(claim.take_or_mark(7, MARK) && claim.end_marked(7));
    }

    /// Without a registry nobody can be known to be dead.
    #[test]
    fn nothing_is_taken_over_from_whom_nobody_knows() {
        let claim = Claim::new();
        assert_eq!(claim.take_over(8, 0, &mut Lives::seen_by(8)), None);
        for stranger in [ANONYMOUS, 1 << 32, !MARK] {
            assert!(claim.take(stranger));
            assert_eq!(claim.take_over(8, 0, &mut Lives::seen_by(8)), None);
            assert!(claim.end(stranger));
        }
    }
}

//! Places for those who read: who has one, and how often.

use std::cell::Cell;
use std::sync::atomic::Ordering::Relaxed;

#[cfg(multiproc_loom)]
use loom::thread_local;

use crate::claims::{Claim, Lives};
use crate::planted::{Bug, planted};
use crate::primitive::AtomicU32;
use crate::robust_semaphore::place_of;

/// A guard of the thread that has the slot.
const ONE: u32 = 2;
/// The slot is not the one that its thread tries first.
const AWAY: u32 = 1;
/// Guards beyond which a thread gets no more.
const MOST: u32 = 1 << 30;

#[cfg(not(multiproc_loom))]
thread_local! {
    /// How many slots the thread has that are not the ones it tries first: if none, it has none or the first.
    static ELSEWHERE: Cell<u32> = const { Cell::new(0) };
}

#[cfg(multiproc_loom)]
thread_local! {
    static ELSEWHERE: Cell<u32> = Cell::new(0);
}

/// The right of one thread to read, on a line of its own: readers do not meet.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) claim: Claim,
    /// Of who has it: its guards, and where the slot is. Written with the claim in hand, and anew by each who takes it.
    guards: AtomicU32,
}

#[cfg(not(multiproc_loom))]
const _: () = {
    use std::mem::offset_of;

    use crate::registry::inspect::layout::lock;
    assert!(size_of::<Slot>() == lock::SLOT_LEN && offset_of!(Slot, claim) == 0);
    assert!(offset_of!(Slot, guards) == lock::GUARDS);
};

impl Slot {
    #[cfg(not(multiproc_loom))]
    pub(super) const fn new() -> Self {
        Self { claim: Claim::new(), guards: AtomicU32::new(0) }
    }

    #[cfg(multiproc_loom)]
    pub(super) fn new() -> Self {
        Self { claim: Claim::new(), guards: AtomicU32::new(0) }
    }

    /// Whether the thread whose name this is has it.
    pub(super) fn is_of(&self, name: u64) -> bool {
        self.claim.owner() == Some(name)
    }

    /// Takes it for its first guard, if it is free and the first that its thread tries; for who looks then whether the gate is open.
    #[inline(always)]
    pub(super) fn take_first(&self, name: u64) -> bool {
        let taken = self.claim.take_and_be_seen(name);
        if taken {
            self.guards.store(ONE, Relaxed);
        }
        taken
    }

    /// One guard more of the thread that has it; `false`: it has too many.
    pub(super) fn again(&self) -> bool {
        let guards = self.guards.load(Relaxed);
        let counts = guards / ONE < MOST;
        if counts && !planted(Bug::RecursionUncounted) {
            self.guards.store(guards + ONE, Relaxed);
        }
        counts
    }

    /// Whether the one guard of it is the last, and nothing else is to be done than to end the claim.
    #[inline(always)]
    pub(super) fn has_one_guard(&self) -> bool {
        self.guards.load(Relaxed) == ONE
    }

    /// Takes one guard off; `true`: it was the last, and the claim is to be ended.
    pub(super) fn is_left(&self) -> bool {
        let guards = self.guards.load(Relaxed);
        if guards >= 2 * ONE {
            self.guards.store(guards - ONE, Relaxed);
            return false;
        }
        if guards & AWAY != 0 {
            ELSEWHERE.with(|elsewhere| elsewhere.set(elsewhere.get().saturating_sub(1)));
        }
        true
    }
}

/// Whether the calling thread may have a slot that is not the one it tries first.
#[inline(always)]
pub(super) fn may_be_elsewhere() -> bool {
    ELSEWHERE.with(Cell::get) != 0
}

/// The slots of a lock, as the thread with this name looks at them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots<'a> {
    pub(super) all: &'a [Slot],
    pub(super) name: u64,
}

impl<'a> Slots<'a> {
    fn in_turn(self) -> impl Iterator<Item = (usize, &'a Slot)> {
        let first = place_of(self.name, self.all.len());
        let (before, from) = self.all.split_at(first.min(self.all.len()));
        from.iter().chain(before).enumerate()
    }

    /// The one that the thread has.
    pub(super) fn own(self) -> Option<&'a Slot> {
        self.in_turn().map(|(_, slot)| slot).find(|slot| slot.is_of(self.name))
    }

    /// The first that `take` takes.
    fn taken_by(self, mut take: impl FnMut(&Claim) -> bool) -> Option<&'a Slot> {
        let (steps, slot) = self.in_turn().find(|(_, slot)| take(&slot.claim))?;
        let away = if steps == 0 { 0 } else { AWAY };
        slot.guards.store(ONE | away, Relaxed);
        ELSEWHERE.with(|elsewhere| elsewhere.set(elsewhere.get().saturating_add(away)));
        Some(slot)
    }

    /// One that is free and that nobody sleeps for; for who looks then whether the gate is open.
    pub(super) fn take_and_be_seen(self) -> Option<&'a Slot> {
        self.taken_by(|claim| claim.take_and_be_seen(self.name))
    }

    /// One that is free.
    pub(super) fn take(self) -> Option<&'a Slot> {
        self.taken_by(|claim| claim.take_marked(self.name, 0))
    }

    /// One that is free; else all are marked.
    pub(super) fn take_or_mark(self) -> Option<&'a Slot> {
        self.taken_by(|claim| claim.take_or_mark(self.name, 0))
    }

    /// One of a process that has ended.
    pub(super) fn take_over(self) -> Option<&'a Slot> {
        let mut lives = Lives::seen_by(self.name);
        self.taken_by(|claim| claim.take_over(self.name, 0, &mut lives).is_some())
    }

    /// Takes the marks off that are left on free ones.
    pub(super) fn unmark(self) {
        self.all.iter().for_each(|slot| slot.claim.unmark());
    }
}

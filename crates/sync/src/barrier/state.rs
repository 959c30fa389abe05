//! Who waits at a barrier, and what has become of whom. `unsafe`: what it promises as a value in shared memory.
//!
//! Every party that waits has a slot, which nobody else frees while it lives: there it finds what has become of its round, however
//! many rounds have passed since. Whatever instruction a process dies at, what it leaves is a state: a round passes by one store, and
//! is broken by one store.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering::Release;

use super::presence::{has_stopped, is_anonymous};
use super::{ArrivalIndex, BarrierError, MAX_PARTIES};
use crate::identity;
use crate::planted::{Bug, planted};
use crate::primitive::fence;
use crate::shm_safe::{Layout, ShmPlain, ShmSafe};

const SLOTS: usize = MAX_PARTIES as usize;

/// A party that waits, or that has not yet looked what has become of its round.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Its name in the family, or the anonymous one of its process; 0: free.
    owner: u64,
    /// In which it has come.
    round: u64,
    pid: u32,
    /// Its round was given up by a reset.
    given_up: u32,
}

const FREE: Slot = Slot { owner: 0, round: 0, pid: 0, given_up: 0 };

/// What the barrier's mutex guards.
#[repr(C)]
#[derive(Debug)]
pub(super) struct State {
    round: u64,
    /// The round is broken, and stays so until a reset.
    broken: u32,
    /// The process whose death has broken it; 0: none.
    died: u32,
    /// Under which name the parties of private memory are here; 0: none was yet.
    home: u64,
    slots: [Slot; SLOTS],
}

/// Which slot a party has.
pub(super) type Place = usize;

impl State {
    pub(super) const fn new() -> Self {
        Self { round: 0, broken: 0, died: 0, home: 0, slots: [FREE; SLOTS] }
    }

    fn waits(&self, slot: &Slot) -> bool {
        slot.owner != 0 && slot.round == self.round && slot.given_up == 0
    }

    /// Those who wait for the round to be complete.
    pub(super) fn waiting(&self) -> u32 {
        self.slots.iter().filter(|slot| self.waits(slot)).count() as u32
    }

    /// Whether no round can be completed.
    pub(super) fn broken(&self) -> Option<BarrierError> {
        match (self.broken, self.died) {
            (0, _) => None,
            (_, 0) => Some(BarrierError::Broken),
            (_, pid) => Some(BarrierError::PartyDied { pid }),
        }
    }

    /// Takes a slot for a party that comes; `None`: there is none yet.
    pub(super) fn arrive(&mut self, owner: u64) -> Option<Place> {
        let round = self.round;
        let free = |slot: &Slot| slot.owner == 0;
        let left_by_death = |slot: &Slot| slot.round != round && has_stopped(slot.owner);
        let place = self.slots.iter().position(free).or_else(|| self.slots.iter().position(left_by_death))?;
        let pid = if is_anonymous(owner) { 0 } else { identity::pid_of(owner) };
        self.slots[place] = Slot { owner: 0, round, pid, given_up: 0 };
        // A slot that has an owner is whole.
        fence(Release);
        self.slots[place].owner = owner;
        Some(place)
    }

    /// What has become of the round of the party in this slot; `None`: nothing yet.
    pub(super) fn outcome(&self, place: Place) -> Option<Result<(), BarrierError>> {
        let slot = &self.slots[place];
        let is_over =
            if planted(Bug::RoundOvertaken) { self.waiting() == 0 } else { slot.round != self.round };
        match () {
            () if slot.given_up != 0 => Some(Err(BarrierError::Broken)),
            () if is_over => Some(Ok(())),
            () => self.broken().map(Err),
        }
    }

    /// Whether who comes would find no slot.
    pub(super) fn is_full(&self) -> bool {
        self.slots.iter().all(|slot| slot.owner != 0)
    }

    /// Frees a slot.
    pub(super) fn leave(&mut self, place: Place) {
        self.slots[place].owner = 0;
    }

    /// Lets all go on who wait.
    #[inline(never)]
    pub(super) fn pass(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    /// Breaks the round for all, unless it is broken already.
    pub(super) fn break_for(&mut self, died: u32) {
        if self.broken == 0 {
            self.died = died;
            fence(Release);
            self.broken = 1;
        }
    }

    /// Gives the round up for those who wait, and begins one that is not broken.
    pub(super) fn reset(&mut self) {
        let round = self.round;
        let waiting = |slot: &&mut Slot| slot.owner != 0 && slot.round == round;
        for slot in self.slots.iter_mut().filter(waiting) {
            slot.given_up = 1;
        }
        // With the round still this one, what a death leaves here is broken by who comes next.
        fence(Release);
        self.round = self.round.wrapping_add(1);
        self.broken = 0;
        self.died = 0;
    }

    /// Makes a state of what a process has left that died with the mutex.
    pub(super) fn mend(&mut self) {
        let round = self.round;
        if self.slots.iter().any(|slot| slot.owner != 0 && slot.round == round && slot.given_up != 0) {
            self.break_for(0);
        }
        self.look_for_dead();
    }

    /// Breaks the round if somebody is dead who waits.
    pub(super) fn look_for_dead(&mut self) {
        if self.broken != 0 || planted(Bug::DeadPartyUnseen) {
            return;
        }
        let dead = self.slots.iter().find(|slot| self.waits(slot) && has_stopped(slot.owner));
        if let Some(pid) = dead.map(|slot| slot.pid) {
            self.break_for(pid);
        }
    }

    /// As [`look_for_dead`](Self::look_for_dead), for who is about to let all go on.
    pub(super) fn look_before_it_passes(&mut self) {
        if !planted(Bug::DeadLetThrough) {
            self.look_for_dead();
        }
    }

    /// Frees these slots, a bit for each, whose parties wait no longer. Whoever of them was waited for breaks the round.
    pub(super) fn clear(&mut self, places: u32) {
        for place in (0..SLOTS).filter(|place| places & 1 << place != 0) {
            if self.waits(&self.slots[place]) {
                self.break_for(0);
            }
            // A round that is not broken keeps who left it.
            fence(Release);
            self.leave(place);
        }
    }

    /// Frees the slots of parties in private memory that a fork has not brought along; `ours` is the name of those here.
    pub(super) fn forget_other_processes(&mut self, ours: u64) {
        if self.home != ours {
            let strangers = |slot: &&mut Slot| is_anonymous(slot.owner) && slot.owner != ours;
            self.slots.iter_mut().filter(strangers).for_each(|slot| slot.owner = 0);
            self.home = ours;
        }
    }

    /// The number of a party that has just come.
    pub(super) fn index(&self, parties: u32) -> ArrivalIndex {
        let index = self.waiting().saturating_sub(1);
        ArrivalIndex { index, last: index + 1 >= parties }
    }
}

// SAFETY: `repr(C)`, numbers alone: every bit pattern is a state, whose slots are searched within their bounds.
unsafe impl ShmSafe for State {
    const LAYOUT: Layout = Layout::named("multiproc_sync::Barrier.state/2").with_count(SLOTS);
}
// SAFETY: no lock in it.
unsafe impl ShmPlain for State {}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::super::presence::anonymous;
    use super::*;

    /// Whatever bytes are there: nothing panics, nobody is let through, and a reset makes it as new.
    #[test]
    fn every_bit_pattern_is_a_state() {
        for byte in [0x00, 0x01, 0x7f, 0xff] {
            let mut state = State::new();
            // SAFETY: numbers alone, of which every bit pattern is one.
            unsafe { (&raw mut state).write_bytes(byte, 1) };
            state.mend();
            state.look_for_dead();
            state.look_before_it_passes();
            assert!(
                (0..SLOTS).all(|place| byte == 0 || state.outcome(place).is_some_and(|end| end.is_err()))
            );
            state.reset();
            assert_eq!((state.waiting(), state.broken()), (0, None));
            state.forget_other_processes(anonymous());
            state.clear(u32::MAX);
            assert_eq!((state.waiting(), state.broken()), (0, None), "none of them was of this round");
            let place = state.arrive(anonymous()).unwrap();
            assert_eq!((state.waiting(), state.outcome(place)), (1, None));
            state.pass();
            assert_eq!((state.waiting(), state.outcome(place)), (0, Some(Ok(()))));
        }
    }
}

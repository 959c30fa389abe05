//! Who waits at a barrier, and what has become of whom. `unsafe`: what it promises as a value in shared memory.
//!
//! Every party that waits has a slot, which nobody else frees while it lives: there it finds what has become of its round, however
//! many rounds have passed since. Whatever instruction a process dies at, what it leaves is a state: a round passes by one store, and
//! is broken by one store.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering::Release;

use super::{ArrivalIndex, BarrierError, MAX_PARTIES};
use crate::claims::ANONYMOUS;
use crate::identity::{self, is_gone};
use crate::planted::{Bug, planted};
use crate::primitive::fence;
use crate::shm_safe::{Layout, ShmPlain, ShmSafe};

const SLOTS: usize = MAX_PARTIES as usize;

/// A party that waits, or that has not yet looked what has become of its round.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Its name in the family, or [`ANONYMOUS`]; 0: free.
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
    slots: [Slot; SLOTS],
}

/// Which slot a party has.
pub(super) type Place = usize;

impl State {
    pub(super) const fn new() -> Self {
        Self { round: 0, broken: 0, died: 0, slots: [FREE; SLOTS] }
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
        // To ask after a process costs more than all the rest.
        let left_by_death = |slot: &Slot| slot.round != round && is_gone(slot.owner);
        let place = self.slots.iter().position(free).or_else(|| self.slots.iter().position(left_by_death))?;
        let pid = if owner == ANONYMOUS { 0 } else { identity::pid_of(owner) };
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
        self.look_for_dead(None);
    }

    /// Breaks the round if somebody is dead who waits: the next one after `place`, so that of all who live each looks at one, or,
    /// for nobody, any.
    pub(super) fn look_for_dead(&mut self, place: Option<Place>) {
        if self.broken != 0 || planted(Bug::DeadPartyUnseen) {
            return;
        }
        let (from, looks) = place.map_or((0, SLOTS), |place| (place + 1, 1));
        let after = (0..SLOTS).map(|n| self.slots[(from + n) % SLOTS]);
        let dead = after.filter(|slot| self.waits(slot)).take(looks).find(|slot| is_gone(slot.owner));
        if let Some(slot) = dead {
            self.break_for(slot.pid);
        }
    }

    /// Breaks a round that is full and has somebody dead in it, for one who waits for it to pass: all of them may be dead, so that
    /// none of them looks.
    pub(super) fn look_from_outside(&mut self, parties: u32) {
        if self.waiting() >= parties {
            self.look_for_dead(None);
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
    const LAYOUT: Layout = Layout::named("multiproc_sync::Barrier.state/1").with_count(SLOTS);
}
// SAFETY: no lock in it.
unsafe impl ShmPlain for State {}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    /// Whatever bytes are there: nothing panics, nobody is let through, and a reset makes it as new.
    #[test]
    fn every_bit_pattern_is_a_state() {
        for byte in [0x00, 0x01, 0x7f, 0xff] {
            let mut state = State::new();
            // SAFETY: numbers alone, of which every bit pattern is one.
            unsafe { (&raw mut state).write_bytes(byte, 1) };
            state.mend();
            state.look_for_dead(Some(SLOTS - 1));
            assert!(
                (0..SLOTS).all(|place| byte == 0 || state.outcome(place).is_some_and(|end| end.is_err()))
            );
            state.reset();
            assert_eq!((state.waiting(), state.broken()), (0, None));
            (0..SLOTS).for_each(|place| state.leave(place));
            let place = state.arrive(ANONYMOUS).unwrap();
            assert_eq!((state.waiting(), state.outcome(place)), (1, None));
            state.pass();
            assert_eq!((state.waiting(), state.outcome(place)), (0, Some(Ok(()))));
        }
    }
}

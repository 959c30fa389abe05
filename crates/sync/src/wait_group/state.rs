//! How much work is left, and who is at it. `unsafe`: what it promises as a value in shared memory.
//!
//! Two numbers only grow: what was announced, and what is finished. Whatever instruction a process dies at, with the group's mutex, what
//! it leaves is a state, or says in a member's slot what is to be done once more.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering::Release;

use super::{MAX_MEMBERS, MAX_PIECES, WaitGroupError};
use crate::identity::{self, Owner};
use crate::planted::{Bug, planted};
use crate::primitive::fence;
use crate::shm_safe::{Layout, ShmPlain, ShmSafe};

/// One that is at a piece of work.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Its name in the family, or `ANONYMOUS`; 0: free.
    owner: u64,
    /// How much is finished when it is done, written when it is about to be; 0: it is not.
    finishing: u64,
    /// How much is announced with this piece, until that is written; 0: it is.
    joining: u64,
    pid: u32,
    /// The number of the process that takes the piece over, until it stands in `pid`; 0: it does.
    heir: u32,
}

const FREE: Slot = Slot { owner: 0, finishing: 0, joining: 0, pid: 0, heir: 0 };

/// What the group's mutex guards.
#[repr(C)]
#[derive(Debug)]
pub(super) struct State {
    announced: u64,
    finished: u64,
    /// How much was finished when nothing was left, the last time.
    emptied: u64,
    /// How many members have been found dead: who waits compares it with what it was before.
    deaths: u64,
    /// The last of them and its slot, as long as nobody has taken over its piece: then the slot has another name.
    dead: u64,
    dead_place: u64,
    /// When somebody has last seen of all members that they live, in milliseconds. A hint: a wrong one makes for a look more, or for one
    /// a tenth of a second later.
    seen_alive: u64,
    /// The number of the last one's process.
    died: u32,
    reserved: u32,
    /// How many slots are not free: to count them costs more than all the rest.
    occupied: u64,
    members: [Slot; MAX_MEMBERS],
}

/// Which slot a member has.
pub(super) type Place = usize;

/// How much was finished, and how many had died, when somebody began to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    finished: u64,
    deaths: u64,
}

impl State {
    pub(super) const fn new() -> Self {
        Self {
            announced: 0,
            finished: 0,
            emptied: 0,
            deaths: 0,
            dead: 0,
            dead_place: 0,
            seen_alive: 0,
            died: 0,
            reserved: 0,
            occupied: 0,
            members: [FREE; MAX_MEMBERS],
        }
    }

    /// Pieces that are not done.
    pub(super) fn left(&self) -> u64 {
        self.announced.wrapping_sub(self.finished)
    }

    /// How many of them are members'.
    pub(super) fn members(&self) -> usize {
        usize::try_from(self.occupied).unwrap_or(MAX_MEMBERS).min(MAX_MEMBERS)
    }

    fn count_members(&mut self) {
        self.occupied = self.members.iter().filter(|slot| slot.owner != 0).count() as u64;
    }

    pub(super) fn pids(&self) -> impl Iterator<Item = u32> + '_ {
        self.members.iter().filter(|slot| slot.owner != 0).map(|slot| slot.pid)
    }

    pub(super) fn announce(&mut self, pieces: u32) -> Result<(), WaitGroupError> {
        self.announced = self.announced_with(pieces)?;
        Ok(())
    }

    /// How much is announced with so many more.
    fn announced_with(&self, pieces: u32) -> Result<u64, WaitGroupError> {
        let left = self.left().checked_add(pieces.into()).filter(|left| *left <= u64::from(MAX_PIECES));
        left.ok_or(WaitGroupError::TooManyPieces)?;
        Ok(self.announced.wrapping_add(pieces.into()))
    }

    /// Whether a piece is left that is no member's.
    fn check_announced(&self) -> Result<(), WaitGroupError> {
        let announced = self.left() > self.members() as u64 || planted(Bug::OverReleaseUnseen);
        announced.then_some(()).ok_or(WaitGroupError::NothingAnnounced)
    }

    /// Finishes a piece that is no member's; gives whether nothing is left.
    pub(super) fn finish(&mut self) -> Result<bool, WaitGroupError> {
        self.check_announced()?;
        self.finished = self.finished.wrapping_add(1);
        Ok(self.note_emptied())
    }

    /// Makes an announced piece that of a member.
    pub(super) fn enter(&mut self, owner: u64, pid: u32) -> Result<Place, WaitGroupError> {
        self.check_announced()?;
        let place = self.free()?;
        self.name(place, Slot { owner, pid, ..FREE });
        Ok(place)
    }

    /// Announces a piece, which is a member's at once.
    pub(super) fn join(&mut self, owner: u64, pid: u32) -> Result<Place, WaitGroupError> {
        let place = self.free()?;
        let joining = self.announced_with(1)?;
        if planted(Bug::AnnouncedUnnamed) {
            self.announced = joining;
        }
        self.name(place, Slot { owner, joining, pid, ..FREE });
        // From here on whoever finds the slot announces the piece, if that is not done.
        fence(Release);
        self.announce_for(place);
        Ok(place)
    }

    fn announce_for(&mut self, place: Place) {
        self.announced = self.members[place].joining;
        fence(Release);
        self.members[place].joining = 0;
    }

    fn free(&self) -> Result<Place, WaitGroupError> {
        let free = self.members.iter().position(|slot| slot.owner == 0);
        free.ok_or(WaitGroupError::TooManyMembers)
    }

    fn name(&mut self, place: Place, slot: Slot) {
        self.members[place] = Slot { owner: 0, ..slot };
        // A slot that has an owner is whole.
        fence(Release);
        self.members[place].owner = slot.owner;
        self.occupied = self.occupied.saturating_add(1);
    }

    fn vacate(&mut self, place: Place) {
        self.members[place].owner = 0;
        self.occupied = self.occupied.saturating_sub(1);
    }

    /// Finishes a member's piece; gives whether nothing is left. Nothing happens if the slot is not this owner's.
    pub(super) fn leave(&mut self, place: Place, owner: u64) -> bool {
        if self.members[place].owner != owner {
            return false;
        }
        self.members[place].finishing = self.finished.wrapping_add(1);
        // From here on whoever finds the slot finishes the piece, if that is not done.
        fence(Release);
        self.finish_for(place)
    }

    /// As [`leave`](Self::leave), for whoever has it; gives whether nothing is left.
    pub(super) fn leave_for(&mut self, place: Place) -> bool {
        let owner = self.members[place].owner;
        owner != 0 && self.leave(place, owner)
    }

    fn finish_for(&mut self, place: Place) -> bool {
        let finishing = self.members[place].finishing;
        if planted(Bug::FinishedTwice) {
            self.finished = self.finished.wrapping_add(1);
        } else {
            self.finished = finishing;
        }
        let emptied = self.note_emptied();
        // Done once more, to the same end, by who comes next, if this one dies here.
        fence(Release);
        self.vacate(place);
        emptied
    }

    fn note_emptied(&mut self) -> bool {
        let emptied = self.left() == 0;
        if emptied {
            self.emptied = self.finished;
        }
        emptied
    }

    /// Begins a wait. `None`: nothing is left.
    pub(super) fn begin(&self) -> Option<Begun> {
        (self.left() != 0).then_some(Begun { finished: self.finished, deaths: self.deaths })
    }

    /// What has become of a wait: whether nothing was left since, or a member has died; `None`: neither yet.
    pub(super) fn outcome(&self, begun: Option<Begun>) -> Option<Result<(), WaitGroupError>> {
        let emptied = |begun: Begun| match self.emptied {
            _ if planted(Bug::EmptiedForgotten) => self.left() == 0,
            emptied => emptied.wrapping_sub(begun.finished).cast_signed() > 0,
        };
        let has_died = |begun: Begun| begun.deaths != self.deaths && !planted(Bug::DeathForgotten);
        match begun {
            None => Some(Ok(())),
            Some(begun) if emptied(begun) => Some(Ok(())),
            Some(begun) if self.dead().is_some() || has_died(begun) => {
                Some(Err(WaitGroupError::MemberDied { pid: self.died }))
            }
            Some(_) => None,
        }
    }

    /// Whether one who waits is to look for a dead member, and not to rely on what others have seen.
    pub(super) fn look_is_due(&self) -> bool {
        self.look_is_due_at(now())
    }

    fn look_is_due_at(&self, now: u64) -> bool {
        // A time in the future is from another clock, and says nothing.
        now.wrapping_sub(self.seen_alive) >= REST_AFTER_LOOK || cfg!(multiproc_loom)
    }

    /// The slot of a member that was found dead, whose piece nobody has taken over.
    fn dead(&self) -> Option<Place> {
        let place = usize::try_from(self.dead_place).ok()?;
        let slot = self.members.get(place)?;
        // Nobody else ever has that name.
        (self.dead != 0 && slot.owner == self.dead).then_some(place)
    }

    /// Looks for a member whose process has ended, unless one is known already. `owner` is the caller's name, whose process lives.
    pub(super) fn look_for_dead(&mut self, owner: u64) -> Option<Place> {
        if self.dead().is_some() || planted(Bug::DeadPartyUnseen) {
            return None;
        }
        let (begun, mut is_blind) = (now(), false);
        let process = |name| Owner::unpacked(name).map(|owner| owner.process);
        let mut lives = process(owner);
        let dead = self.members.iter().position(|slot| {
            // To ask after a process takes several system calls.
            let its = process(slot.owner);
            if slot.owner == 0 || its == lives {
                return false;
            }
            match identity::seen_gone(slot.owner) {
                Some(true) => return true,
                Some(false) => lives = its,
                None => is_blind = true,
            }
            false
        });
        // Else others are to look for themselves.
        if dead.is_none() && !is_blind {
            self.seen_alive = begun;
        }
        dead
    }

    /// Takes note of a death that was found.
    pub(super) fn note_death(&mut self, place: Place) {
        let Slot { owner, pid, .. } = self.members[place];
        self.died = pid;
        fence(Release);
        self.deaths = self.deaths.wrapping_add(1);
        // If this one dies before the next is written, the death is found once more, and told once more to those who come until then.
        fence(Release);
        self.dead_place = place as u64;
        fence(Release);
        self.dead = owner;
    }

    /// Gives the piece of a member that was found dead to another one; also gives the number of the dead one's process.
    #[inline(never)]
    pub(super) fn take_over(&mut self, owner: u64, pid: u32) -> Option<(Place, u32)> {
        let place = self.dead()?;
        let slot = &mut self.members[place];
        let died = slot.pid;
        slot.heir = pid;
        if planted(Bug::HeirNamedLate) {
            slot.owner = 0;
        }
        fence(Release);
        // The piece passes on here: it is one's at every instruction.
        slot.owner = owner;
        fence(Release);
        settle_heir(slot);
        Some((place, died))
    }

    /// Leaves pieces without members, which cannot have taken their guards along to where the group is now.
    pub(super) fn forget_members(&mut self) {
        (self.dead, self.occupied, self.members) = (0, 0, [FREE; MAX_MEMBERS]);
    }

    /// Makes a state of what a process has left that died with the mutex.
    pub(super) fn mend(&mut self) {
        let untaken = self.dead();
        for place in 0..MAX_MEMBERS {
            let slot = &mut self.members[place];
            if slot.owner == 0 {
                continue;
            }
            if untaken == Some(place) {
                slot.heir = 0;
            }
            settle_heir(slot);
            if slot.joining != 0 {
                self.announce_for(place);
            }
            if self.members[place].finishing != 0 {
                self.finish_for(place);
            }
        }
        self.count_members();
        self.note_emptied();
    }
}

/// For how many milliseconds those who wait rely on what one has seen. So much later than within a heartbeat they may learn of a death.
const REST_AFTER_LOOK: u64 = 100;

fn now() -> u64 {
    #[cfg(not(multiproc_loom))]
    return crate::sys::clock::milliseconds();
    #[cfg(multiproc_loom)] // which has no time
    return 0;
}

/// Completes that a slot has passed on.
fn settle_heir(slot: &mut Slot) {
    if slot.heir != 0 {
        slot.pid = slot.heir;
        fence(Release);
        slot.heir = 0;
    }
}

// SAFETY: `repr(C)`, numbers alone: every bit pattern is a state, whose slots are searched within their bounds.
unsafe impl ShmSafe for State {
    const LAYOUT: Layout = Layout::named("multiproc_sync::WaitGroup.state/2").with_count(MAX_MEMBERS);
}
// SAFETY: no lock in it.
unsafe impl ShmPlain for State {}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    /// Others that look, as often as they like, put it off for no longer.
    #[test]
    fn a_look_is_relied_on_for_a_tenth_of_a_second() {
        let seen_at = |time| State { seen_alive: time, ..State::new() };
        assert!(!seen_at(5000).look_is_due_at(5000));
        assert!(!seen_at(5000).look_is_due_at(5099));
        assert!(seen_at(5000).look_is_due_at(5100) && seen_at(0).look_is_due_at(5000));
        assert!(seen_at(5000).look_is_due_at(4999), "the time of another clock");
    }

    #[test]
    fn a_look_at_all_who_are_there_says_when() {
        let mut state = State::new();
        let before = now();
        assert_eq!(state.look_for_dead(0), None);
        assert!((before..=now()).contains(&state.seen_alive));
    }
}

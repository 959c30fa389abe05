//! Locks while they are gathered: each once, with all who have it or wait for it.

use std::collections::BTreeMap;

use multiproc_sync::CallSite;
use multiproc_sync::registry::inspect::{
    Access, Condition, Hold, Holder, Kind, Lock as Found, LockKey, Thread, Wait,
};

use super::families::Known;
use super::names::Names;
use super::{Lock, Party, State};
use crate::maps::Place;

/// Which lock it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot {
    /// One in a segment, and where there.
    Placed(Place, u64),
    /// One of a family, of which nobody tells where it lies: by its registry's number and its own.
    Numbered(u64, u32),
    /// One of a process: by a number that it has there.
    Private(u32, u64),
}

#[derive(Debug, Default)]
pub(super) struct Board {
    locks: BTreeMap<Spot, Lock>,
    /// Where the numbered locks of the families are: where bytes say so, which may be anybody's.
    numbers: BTreeMap<(u64, u32), Spot>,
    names: Names,
}

impl Board {
    /// Where the lock with this number in its family may be.
    pub(super) fn numbered(&self, family: u64, number: u32) -> Option<Spot> {
        self.numbers.get(&(family, number)).copied()
    }

    pub(super) fn has(&self, spot: Spot) -> bool {
        self.locks.contains_key(&spot)
    }

    /// A lock in a segment, as its bytes tell of it. `of`: what it is known to guard.
    pub(super) fn add_found(
        &mut self,
        place: Place,
        found: &Found,
        family: Option<&Known<'_>>,
        of: Option<&'static str>,
    ) -> Spot {
        let spot = Spot::Placed(place, found.offset);
        let state = state(found);
        let Self { locks, numbers, names } = self;
        let mut holders = || found.holders.iter().map(|holder| holding(holder, family, names)).collect();
        let number = family.map(|family| family.number);
        if let Some((family, lock)) = number.zip(found.number) {
            numbers.insert((family, lock), spot);
        }
        let known = locks.entry(spot).or_insert_with(|| Lock {
            family: number,
            segment: Some(place.1),
            offset: Some(found.offset),
            of,
            name: found.name.clone(),
            number: found.number,
            state,
            holders: holders(),
            waiters: Vec::new(),
            may_be_slept_on: found.may_be_slept_on,
            is_seen: true,
        });
        // Another look may know more.
        if known.holders.is_empty() && !found.holders.is_empty() {
            (known.state, known.holders, known.is_seen) = (state, holders(), true);
        }
        known.may_be_slept_on |= found.may_be_slept_on;
        spot
    }

    /// A lock that threads tell of, wherever it is.
    pub(super) fn add_told(&mut self, spot: Spot, family: &Known<'_>, lock: LockKey, name: Option<&str>) {
        let (segment, offset) = match spot {
            Spot::Placed(place, offset) => (Some(place.1), Some(offset)),
            Spot::Numbered(..) | Spot::Private(..) => (None, None),
        };
        let number = match lock {
            LockKey::Placed(number) => Some(number),
            LockKey::Private(_) => None,
        };
        if let (Some(number), Spot::Placed(..)) = (number, spot) {
            self.numbers.insert((family.number, number), spot);
        }
        self.locks.entry(spot).or_insert_with(|| Lock {
            family: Some(family.number),
            segment,
            offset,
            of: None,
            name: name.map(str::to_owned),
            number,
            state: State::Ownerless,
            holders: Vec::new(),
            waiters: Vec::new(),
            may_be_slept_on: false,
            is_seen: false,
        });
    }

    /// A thread holds it, as it says itself. Where the lock itself was seen, that is believed: it was looked at later.
    pub(super) fn add_holder(&mut self, spot: Spot, thread: &Thread, hold: &Hold) {
        let Some(lock) = self.locks.get_mut(&spot) else { return };
        if lock.is_seen || lock.holders.iter().any(|known| known.tid == thread.tid) {
            return;
        }
        lock.state = if hold.access == Access::Read { State::Read } else { State::Held };
        let seconds = hold.held_for.map(|time| time.as_secs());
        lock.holders.push(party(thread, hold.access, seconds, hold.site.as_ref(), &mut self.names));
    }

    /// A thread waits for it, as it says itself.
    pub(super) fn add_waiter(&mut self, spot: Spot, thread: &Thread, wait: &Wait) {
        let seconds = wait.waited_for.map(|time| time.as_secs());
        let party = party(thread, wait.access, seconds, wait.site.as_ref(), &mut self.names);
        self.add_party(spot, party);
    }

    /// A thread sleeps at it, as the kernel says.
    pub(super) fn add_sleeper(&mut self, spot: Spot, pid: u32, tid: u32) {
        let thread = self.names.of(pid, tid);
        self.add_party(
            spot,
            Party { pid, tid, thread, is_alive: true, reads: false, seconds: None, at: None },
        );
    }

    fn add_party(&mut self, spot: Spot, party: Party) {
        let Some(lock) = self.locks.get_mut(&spot) else { return };
        match lock.waiters.iter_mut().find(|known| (known.pid, known.tid) == (party.pid, party.tid)) {
            None => lock.waiters.push(party),
            // What the thread says is more than what the kernel says.
            Some(known) if known.at.is_none() && known.seconds.is_none() => *known = party,
            Some(_) => {}
        }
    }

    /// All locks that somebody has or waits for.
    pub(super) fn into_locks(self) -> Vec<Lock> {
        let locks = self.locks.into_values();
        locks.filter(|lock| !lock.holders.is_empty() || !lock.waiters.is_empty()).collect()
    }
}

fn state(found: &Found) -> State {
    match (found.kind, found.holders.first().map(|holder| holder.condition)) {
        (Kind::Read, _) => State::Read,
        (Kind::Permits, _) => State::Taken,
        (Kind::Owned, Some(Condition::Alive)) => State::Held,
        (Kind::Owned, Some(Condition::Dead)) => State::OwnerDied,
        (Kind::Owned, Some(Condition::ThreadEnded)) => State::OwnerLeft,
        (Kind::Owned, Some(_)) => State::OwnerGone,
        (Kind::Owned, None) => State::Free,
        _ => State::Ownerless,
    }
}

fn holding(holder: &Holder, family: Option<&Known<'_>>, names: &mut Names) -> Party {
    let Holder { pid, tid, .. } = *holder;
    let is_alive = holder.condition == Condition::Alive;
    // Of a process that is not there the number is only what the registry says.
    let is_there = is_alive && family.is_some_and(|family| family.has(pid));
    Party {
        pid,
        tid,
        thread: is_there.then(|| names.of(pid, tid)).flatten(),
        is_alive,
        reads: holder.access == Access::Read,
        seconds: holder.held_for.map(|time| time.as_secs()),
        at: holder.site.as_ref().map(ToString::to_string),
    }
}

fn party(
    thread: &Thread,
    access: Access,
    seconds: Option<u64>,
    site: Option<&CallSite>,
    names: &mut Names,
) -> Party {
    let Thread { pid, tid, .. } = *thread;
    let (name, at) = (names.of(pid, tid), site.map(ToString::to_string));
    Party { pid, tid, thread: name, is_alive: true, reads: access == Access::Read, seconds, at }
}

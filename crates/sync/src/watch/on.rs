//! The hooks that locks call.

use std::panic::Location;
use std::process;
use std::sync::atomic::Ordering::Relaxed;

use super::record::{Hold, Id, Want, place_of};
use super::{Access, count, here};
use crate::deadlock::{LockName, Report};
use crate::primitive::AtomicU64;
use crate::registry::inspect::layout::id;
use crate::robust_word::RobustWord;

/// Where in the source a lock is asked for, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    location: &'static Location<'static>,
    access: Access,
}

impl Site {
    #[inline(always)]
    #[track_caller]
    pub(crate) fn here() -> Self {
        // Else a lock that is counted sees to it.
        if cfg!(feature = "deadlock") {
            here::asks();
        }
        Self { location: Location::caller(), access: Access::Exclusive }
    }

    /// The same, of one who is to read.
    #[inline(always)]
    pub(crate) fn to_read(self) -> Self {
        Self { access: Access::Read, ..self }
    }

    /// What for.
    pub(super) fn access(self) -> Access {
        self.access
    }

    /// The number of the place, in the tables that the calling thread has its record in.
    #[inline]
    pub(super) fn number(self) -> u32 {
        here::number_of(self.location)
    }
}

/// The bit of what is read beside others.
const SHARED: Id = id::SHARED;

/// The bit of a lock that means something in one process only.
const PRIVATE: Id = id::PRIVATE;

/// The serial numbers that were given to private locks.
static SERIALS: AtomicU64 = AtomicU64::new(0);

/// A lock as records have it, and how it is used: a placed one by its number, a private one by a serial number that no other one of its
/// process ever has. Not by its address: another lock comes to lie there when it is gone, and who has forgotten its guard has that noted
/// for good. Nor by its number, which it gets with its name: by then somebody may have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LockId(pub(crate) Id);

impl LockId {
    /// `None`: the lock was placed when all numbers had been given, and is not watched.
    #[inline(always)]
    pub(crate) fn of(lock: &RobustWord, access: Access) -> Option<Self> {
        let id = match lock.is_private() {
            true => serial(lock) | PRIVATE,
            false => Some(Id::from(lock.number())).filter(|number| *number != 0)?,
        };
        Some(Self(id | shared_if(access)))
    }

    pub(crate) fn access(self) -> Access {
        if self.0 & SHARED != 0 { Access::Read } else { Access::Exclusive }
    }

    /// Whether it means something in one process only.
    #[cfg(feature = "deadlock")]
    pub(crate) fn is_private(self) -> bool {
        self.0 & PRIVATE != 0
    }
}

/// The serial number of a private lock, which it gets when it is first asked for one. It stands where a placed lock has its place in
/// its owner's list, and goes where the lock is moved.
#[inline(always)]
fn serial(lock: &RobustWord) -> Id {
    match lock.next.load(Relaxed) {
        0 => new_serial(lock),
        known => known as Id,
    }
}

#[cold]
fn new_serial(lock: &RobustWord) -> Id {
    let serial = SERIALS.fetch_add(1, Relaxed) + 1;
    match lock.next.compare_exchange(0, serial as usize, Relaxed, Relaxed) {
        Ok(_) => serial,
        Err(theirs) => theirs as Id,
    }
}

fn shared_if(access: Access) -> Id {
    if access == Access::Read { SHARED } else { 0 }
}

/// The calling thread has the lock.
#[inline]
pub(crate) fn taken(lock: &RobustWord, site: Site) {
    hold(lock, Access::Exclusive, site);
}

/// The calling thread is about to release the lock.
#[inline]
pub(crate) fn released(lock: &RobustWord) {
    let_go(lock, Access::Exclusive);
}

/// The calling thread reads what the lock guards.
#[inline]
pub(crate) fn reading(lock: &RobustWord, site: Site) {
    hold(lock, Access::Read, site);
    count::acquired(lock, Access::Read, site);
}

/// The calling thread is about to end one of its readings.
#[inline]
pub(crate) fn read_ended(lock: &RobustWord) {
    let_go(lock, Access::Read);
}

/// Notes that the thread holds it: each lock, for the one who looks for circles; else only those that are counted.
#[inline(always)]
fn hold(lock: &RobustWord, access: Access, site: Site) {
    if cfg!(feature = "deadlock") {
        note(lock, access, site);
    } else if lock.is_named() {
        note_named(lock, access, site);
    }
}

#[inline]
fn note(lock: &RobustWord, access: Access, site: Site) {
    if let (Some(id), Some(record)) = (LockId::of(lock, access), here::record()) {
        record.hold(Hold { lock: id.0, begun: 0, site: site.number(), place: place_of(lock) });
    }
}

/// A call, so that locks without a name stay small.
#[cold]
#[inline(never)]
fn note_named(lock: &RobustWord, access: Access, site: Site) {
    note(lock, access, site);
}

#[inline(always)]
fn let_go(lock: &RobustWord, access: Access) {
    if cfg!(feature = "deadlock") {
        strike_out(lock, access);
    } else if lock.is_named() {
        strike_out_named(lock, access);
    }
}

#[inline]
fn strike_out(lock: &RobustWord, access: Access) {
    if let (Some(id), Some(record)) = (LockId::of(lock, access), here::record())
        && let Some(hold) = record.release(id.0)
    {
        count::ended(lock, access, hold);
    }
}

/// As [`note_named`].
#[cold]
#[inline(never)]
fn strike_out_named(lock: &RobustWord, access: Access) {
    strike_out(lock, access);
}

/// The report of a thread that asks for a lock which it has.
#[cold]
pub(crate) fn self_lock(lock: &RobustWord, wanted: Access, site: Site) -> Box<Report> {
    let mut report = Report::of_self(lock);
    let held = here::record().and_then(|record| {
        let lock = |access| LockId::of(lock, access).map(|id| id.0);
        let holds = record.seen()?.holds;
        let held_as = |access| holds.iter().rev().find(|hold| Some(hold.lock) == lock(access)).copied();
        // Who reads and is to write may have the lock's head already.
        held_as(Access::Read).or_else(|| held_as(Access::Exclusive))
    });
    if let Some(name) = lock.name() {
        report.name_locks(LockName::Named(name));
    }
    let held_at = held.and_then(|hold| super::site::of_number(hold.site));
    let held_as = held.map_or(wanted, |hold| LockId(hold.lock).access());
    report.set_uses((held_as, held_at), (wanted, super::site::of_number(site.number())));
    Box::new(report)
}

/// The calling thread runs the user's code in the middle of a wait, until this is dropped: it does not wait meanwhile.
#[derive(Debug)]
pub(crate) struct Hidden {
    want: Want,
    /// When the wait had begun.
    since: u64,
    /// The process, which a fork in that code is not.
    pid: u32,
}

impl Hidden {
    pub(crate) fn begin() -> Self {
        let want = here::record().map(|record| record.want(Want::default()));
        Self { want: want.unwrap_or_default(), since: here::waited_since(0), pid: process::id() }
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        here::waited_since(self.since);
        if self.want != Want::default()
            && self.pid == process::id()
            && let Some(record) = here::record()
        {
            record.want(self.want);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::robust_word::{MODE_BITS, ROBUST};

    #[test]
    fn a_private_lock_is_known_by_itself_and_a_placed_one_by_its_number() {
        let [mut lock, other] = [RobustWord::new(), RobustWord::new()];
        let [alone, beside] =
            [Access::Exclusive, Access::Read].map(|access| LockId::of(&lock, access).unwrap());
        assert_ne!(alone, beside);
        assert_eq!((alone.access(), beside.access()), (Access::Exclusive, Access::Read));
        assert_ne!(LockId::of(&other, Access::Exclusive), Some(alone));
        lock.mode.store(41 << MODE_BITS, Relaxed);
        assert_eq!(LockId::of(&lock, Access::Exclusive), Some(alone), "named while somebody has it");
        lock = RobustWord::new();
        assert_ne!(LockId::of(&lock, Access::Exclusive), Some(alone), "another one at its address");
        lock.mode.store(ROBUST | 41 << MODE_BITS, Relaxed);
        assert_eq!(LockId::of(&lock, Access::Exclusive), Some(LockId(41)));
        lock.mode.store(ROBUST, Relaxed);
        assert_eq!(LockId::of(&lock, Access::Read), None, "no number was left");
    }
}

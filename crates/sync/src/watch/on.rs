//! The hooks that locks call.

use std::panic::Location;
use std::process;

use super::record::{Hold, Id, Want};
#[cfg(feature = "deadlock")]
use super::tables::OWN;
use super::{Access, count, here};
use crate::deadlock::{LockName, Report};
use crate::robust_word::RobustWord;

/// Where in the source a lock is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Site(&'static Location<'static>);

impl Site {
    #[inline(always)]
    #[track_caller]
    pub(crate) fn here() -> Self {
        Self(Location::caller())
    }

    /// The number of the place, in the tables in use.
    #[inline]
    pub(super) fn number(self) -> u32 {
        here::number_of(self.0)
    }
}

/// The bit of what is read beside others.
const SHARED: Id = 1 << 63;

/// The bit of a lock that is known by its address, in one process.
const PRIVATE: Id = 1 << 62;

/// A lock as records have it, and how it is used: one that has a number by that, a private one without by its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LockId(pub(crate) Id);

impl LockId {
    /// `None`: the lock was placed when all numbers had been given, and is not watched.
    #[inline(always)]
    pub(crate) fn of(lock: &RobustWord, access: Access) -> Option<Self> {
        match lock.number() {
            0 => lock.is_private().then(|| Self::by_address(lock, access)),
            number => Some(Self(Id::from(number) | shared_if(access))),
        }
    }

    /// A private lock, as it was known before it had a number.
    fn by_address(lock: &RobustWord, access: Access) -> Self {
        Self(std::ptr::from_ref(lock) as Id | PRIVATE | shared_if(access))
    }

    pub(crate) fn access(self) -> Access {
        if self.0 & SHARED != 0 { Access::Shared } else { Access::Exclusive }
    }

    /// Whether it means something in one process only.
    #[cfg(feature = "deadlock")]
    pub(crate) fn is_private(self) -> bool {
        self.number().is_none_or(|number| number & OWN != 0)
    }

    /// The address of a private lock without a number.
    pub(crate) fn address(self) -> Option<u64> {
        (self.0 & PRIVATE != 0).then_some(self.0 & !(PRIVATE | SHARED))
    }

    /// The number of the lock.
    pub(crate) fn number(self) -> Option<u32> {
        (self.0 & PRIVATE == 0).then_some((self.0 & !SHARED) as u32)
    }
}

fn shared_if(access: Access) -> Id {
    if access == Access::Shared { SHARED } else { 0 }
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
    hold(lock, Access::Shared, site);
    count::acquired(lock, Access::Shared, site);
}

/// The calling thread is about to end one of its readings.
#[inline]
pub(crate) fn read_ended(lock: &RobustWord) {
    let_go(lock, Access::Shared);
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
        record.hold(Hold { lock: id.0, begun: 0, site: site.number() });
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
    if let (Some(id), Some(record)) = (LockId::of(lock, access), here::record()) {
        let known = record.release(id.0);
        if let Some(hold) = known {
            count::ended(lock, access, hold);
        }
        if known.is_none() && id.number().is_some() && lock.is_private() {
            // It was taken before it had a number.
            record.release(LockId::by_address(lock, access).0);
        }
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
        held_as(Access::Shared).or_else(|| held_as(Access::Exclusive))
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
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;
    use crate::robust_word::{MODE_BITS, ROBUST};

    #[test]
    fn a_lock_is_known_by_its_address_or_its_number() {
        let lock = RobustWord::new();
        let [alone, beside] =
            [Access::Exclusive, Access::Shared].map(|access| LockId::of(&lock, access).unwrap());
        assert_ne!(alone, beside);
        assert_eq!((alone.access(), beside.access()), (Access::Exclusive, Access::Shared));
        let address = std::ptr::from_ref(&lock) as u64;
        assert_eq!((alone.address(), beside.address()), (Some(address), Some(address)));
        lock.mode.store(ROBUST | 41 << MODE_BITS, Relaxed);
        let placed = LockId::of(&lock, Access::Shared).unwrap();
        assert_eq!((placed.number(), placed.address()), (Some(41), None));
        lock.mode.store(ROBUST, Relaxed);
        assert_eq!(LockId::of(&lock, Access::Shared), None, "no number was left");
    }
}

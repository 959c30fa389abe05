//! What one thread holds and waits for, written by it alone, and read by others at any time.
//!
//! A record is changed between two steps of its sequence: odd while it is changed, another even number after. So a reader knows what it
//! has read belongs together; and that of several records everything was true at one moment, if after the last of them none has changed.
//! What a thread holds is noted after it was taken, and struck out before it is released: a record never says more than is true.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::planted::{Bug, planted};
use crate::primitive::{AtomicU32, AtomicU64, fence};

/// The most locks that a thread's record can hold; what it holds beyond is not watched.
#[cfg(not(multiproc_loom))]
pub(crate) const HOLDS: usize = 40;
#[cfg(multiproc_loom)]
pub(crate) const HOLDS: usize = 2;

/// A lock, and how it is used; 0: none. See [`LockId`](super::on::LockId).
pub(crate) type Id = u64;

#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(all(test, multiproc_loom), derive(Default))]
pub(crate) struct Record {
    sequence: AtomicU32,
    /// In the tables of one process: whether a thread has it.
    pub(super) in_use: AtomicU32,
    pid: AtomicU32,
    tid: AtomicU32,
    /// The thread's name in its family; 0: it has none.
    owner: AtomicU64,
    /// What the thread waits for; 0: nothing.
    wanted: AtomicU64,
    /// Since when, in nanoseconds of the clock that all processes have in common.
    since: AtomicU64,
    /// Where, as a number of a call site.
    wanted_at: AtomicU32,
    held: AtomicU32,
    /// The number of what the thread waits for, and where a lock without one lies.
    wanted_number: AtomicU32,
    wanted_to_read: AtomicU32,
    wanted_address: AtomicU64,
    holds: [HoldWords; HOLDS],
}

#[repr(C)]
#[derive(Debug)]
#[cfg_attr(all(test, multiproc_loom), derive(Default))]
struct HoldWords {
    lock: AtomicU64,
    begun: AtomicU64,
    site: AtomicU32,
    /// See [`Hold::place`].
    place: AtomicU32,
}

#[cfg(not(multiproc_loom))]
const _: () = {
    use std::mem::offset_of;

    use crate::registry::inspect::layout::{hold, record};
    assert!(size_of::<Record>() == record::LEN && HOLDS == record::HOLDS);
    assert!(offset_of!(Record, sequence) == record::SEQUENCE);
    assert!(offset_of!(Record, pid) == record::PID && offset_of!(Record, tid) == record::TID);
    assert!(offset_of!(Record, owner) == record::OWNER);
    assert!(offset_of!(Record, wanted) == record::WANTED && offset_of!(Record, since) == record::SINCE);
    assert!(offset_of!(Record, wanted_at) == record::WANTED_AT && offset_of!(Record, held) == record::HELD);
    assert!(offset_of!(Record, wanted_number) == record::WANTED_NUMBER);
    assert!(offset_of!(Record, wanted_to_read) == record::WANTED_TO_READ);
    assert!(offset_of!(Record, wanted_address) == record::WANTED_ADDRESS);
    assert!(offset_of!(Record, holds) == record::HOLDS_AT && size_of::<HoldWords>() == hold::LEN);
    assert!(offset_of!(HoldWords, lock) == hold::LOCK && offset_of!(HoldWords, begun) == hold::BEGUN);
    assert!(offset_of!(HoldWords, site) == hold::SITE && offset_of!(HoldWords, place) == hold::PLACE);
};

/// Something held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) lock: Id,
    /// Since when, in nanoseconds; 0: nobody asks.
    pub(crate) begun: u64,
    /// Where it was asked for, as a number of a call site.
    pub(crate) site: u32,
    /// Where it lies in the thread's process: the low bits of its address, in eights. For those who look from outside, who know what that
    /// process maps; the threads themselves never read it.
    pub(crate) place: u32,
}

/// The [`Hold::place`] of a lock.
#[cfg(not(multiproc_loom))]
pub(crate) fn place_of(lock: &crate::robust_word::RobustWord) -> u32 {
    (std::ptr::from_ref(lock).addr() / 8) as u32
}

/// Something waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Want {
    /// 0: nothing.
    pub(crate) lock: Id,
    pub(crate) since: u64,
    pub(crate) site: u32,
    /// What the lock is called: its number, if it has one, and its address in the thread's process.
    pub(crate) number: u32,
    pub(crate) address: u64,
    /// Whether that is to read, which tells people more than what keeps it out: a writer may.
    pub(crate) to_read: bool,
}

impl Record {
    /// Begins anew, for a thread that has this record from now on, whatever its last one has left.
    pub(crate) fn begin(&self, pid: u32, tid: u32, owner: u64) {
        self.change(|| {
            self.pid.store(pid, Relaxed);
            self.tid.store(tid, Relaxed);
            self.owner.store(owner, Relaxed);
            self.wanted.store(0, Relaxed);
            self.held.store(0, Relaxed);
        });
    }

    /// Notes something that the thread has taken; `false`: there is no room.
    #[inline]
    pub(crate) fn hold(&self, hold: Hold) -> bool {
        let held = self.held.load(Relaxed);
        let Some(place) = self.holds.get(held as usize) else { return false };
        self.change(|| {
            place.lock.store(hold.lock, Relaxed);
            place.begun.store(hold.begun, Relaxed);
            place.site.store(hold.site, Relaxed);
            place.lies_at(hold.place);
            self.held.store(held + 1, Relaxed);
        });
        true
    }

    /// Whether it is said since when the thread has this.
    #[cfg(not(multiproc_loom))]
    #[inline]
    pub(crate) fn has_begun(&self, lock: Id) -> bool {
        let begun = |place: &HoldWords| place.lock.load(Relaxed) == lock && place.begun.load(Relaxed) != 0;
        self.holds().iter().any(begun)
    }

    /// Says since when the thread has what it has noted last, in nanoseconds.
    #[cfg(not(multiproc_loom))]
    #[inline]
    pub(crate) fn begin_hold(&self, lock: Id, now: u64) {
        if let Some(place) = self.holds().iter().rfind(|place| place.lock.load(Relaxed) == lock) {
            self.change(|| place.begun.store(now, Relaxed));
        }
    }

    /// Strikes out something that the thread is about to release; `None`: it was not noted.
    #[inline]
    pub(crate) fn release(&self, lock: Id) -> Option<Hold> {
        let holds = self.holds();
        let found = holds.iter().rposition(|place| place.lock.load(Relaxed) == lock)?;
        let hold = holds[found].read();
        self.change(|| {
            for (place, next) in holds[found..].iter().zip(&holds[found + 1..]) {
                place.lock.store(next.lock.load(Relaxed), Relaxed);
                place.begun.store(next.begun.load(Relaxed), Relaxed);
                place.site.store(next.site.load(Relaxed), Relaxed);
                place.lies_at(next.place());
            }
            self.held.store(holds.len() as u32 - 1, Relaxed);
        });
        Some(hold)
    }

    /// Says what the thread waits for from now on; gives what that was before.
    pub(crate) fn want(&self, want: Want) -> Want {
        let before = self.wanted();
        if before != want {
            self.change(|| {
                self.wanted.store(want.lock, Relaxed);
                self.since.store(want.since, Relaxed);
                self.wanted_at.store(want.site, Relaxed);
                // What people are told goes the way of the rest: in a model each store would be one more step.
                if !cfg!(multiproc_loom) {
                    self.wanted_number.store(want.number, Relaxed);
                    self.wanted_address.store(want.address, Relaxed);
                    self.wanted_to_read.store(want.to_read.into(), Relaxed);
                }
            });
        }
        before
    }

    /// The name in its family of who has the record, as far as can be told at a glance; 0: it has none.
    #[cfg(not(multiproc_loom))]
    pub(crate) fn owner(&self) -> u64 {
        self.owner.load(Relaxed)
    }

    /// Whether the thread waits for something, as far as can be told at a glance.
    #[cfg(not(multiproc_loom))]
    pub(crate) fn waits(&self) -> bool {
        self.wanted.load(Relaxed) != 0
    }

    fn wanted(&self) -> Want {
        let lock = self.wanted.load(Relaxed);
        if lock == 0 {
            return Want::default();
        }
        let (since, site) = (self.since.load(Relaxed), self.wanted_at.load(Relaxed));
        if cfg!(multiproc_loom) {
            return Want { lock, since, site, ..Want::default() };
        }
        Want {
            lock,
            since,
            site,
            number: self.wanted_number.load(Relaxed),
            address: self.wanted_address.load(Relaxed),
            to_read: self.wanted_to_read.load(Relaxed) != 0,
        }
    }

    fn holds(&self) -> &[HoldWords] {
        &self.holds[..(self.held.load(Relaxed) as usize).min(HOLDS)]
    }

    /// Runs `change` where others see that the record is changing. A thread that is killed there leaves it so.
    #[inline]
    fn change(&self, change: impl FnOnce()) {
        let sequence = self.sequence.load(Relaxed);
        // It is odd already if a thread that had the record before was killed here.
        let odd = if planted(Bug::RecordLeftTorn) { sequence.wrapping_add(1) } else { sequence | 1 };
        if planted(Bug::RecordTorn) {
            return change();
        }
        self.sequence.store(odd, Relaxed);
        // With the Acquire fence of `seen`: who reads something of the change finds the number odd, or a later one.
        fence(Release);
        change();
        // Release: with the Acquire of `seen`.
        self.sequence.store(odd.wrapping_add(1), Release);
    }

    /// What the record says now; `None`: it is just being changed, or says nothing.
    pub(crate) fn seen(&self) -> Option<Seen<'_>> {
        let sequence = self.sequence.load(Acquire);
        let held = self.held.load(Relaxed);
        let nothing = held == 0 && self.wanted.load(Relaxed) == 0;
        if nothing || sequence & 1 != 0 {
            return None;
        }
        let seen = Seen {
            record: self,
            sequence,
            pid: self.pid.load(Relaxed),
            tid: self.tid.load(Relaxed),
            owner: self.owner.load(Relaxed),
            want: self.wanted(),
            holds: self.holds().iter().map(HoldWords::read).collect(),
        };
        // With the Release fence of `change`.
        fence(Acquire);
        (self.sequence.load(Relaxed) == sequence).then_some(seen)
    }
}

impl HoldWords {
    fn read(&self) -> Hold {
        Hold {
            lock: self.lock.load(Relaxed),
            begun: self.begun.load(Relaxed),
            site: self.site.load(Relaxed),
            place: self.place(),
        }
    }

    // As with what people are told of a wait: in a model each access would be one more step.
    #[inline(always)]
    fn place(&self) -> u32 {
        if cfg!(multiproc_loom) { 0 } else { self.place.load(Relaxed) }
    }

    #[inline(always)]
    fn lies_at(&self, place: u32) {
        if !cfg!(multiproc_loom) {
            self.place.store(place, Relaxed);
        }
    }
}

/// What a record said at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) record: &'a Record,
    sequence: u32,
    pub(crate) pid: u32,
    pub(crate) tid: u32,
    pub(crate) owner: u64,
    pub(crate) want: Want,
    pub(crate) holds: Vec<Hold>,
}

impl Seen<'_> {
    /// Whether the record has not changed since.
    pub(crate) fn holds_still(&self) -> bool {
        self.record.sequence.load(Acquire) == self.sequence || planted(Bug::SnapshotBelieved)
    }
}

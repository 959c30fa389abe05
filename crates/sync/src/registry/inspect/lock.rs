//! Locks in copies of shared memory: who has them, by the words that name their owners.
//!
//! A segment does not say where in it which kind of lock lies. So a holder is told of only where the bytes are those of a lock's head, or a
//! claim, that names a thread of the family with both numbers of its name; or where the kernel says that a thread sleeps at the word.

use std::io;
use std::time::Duration;

use super::layout::{lock as at, u32_at, u64_at};
use super::source::{Source, copy};
use super::{Access, Hold, Life, LockKey, Snapshot, Thread};
use crate::CallSite;
use crate::claims::MARK;
use crate::identity::Owner;
use crate::mutex::state::{ABANDONED, INCONSISTENT, POISONED};
use crate::robust_semaphore::MAX_ROBUST_PERMITS;
use crate::robust_word::{DIED, OWNER, ROBUST, WAITERS};
use crate::rwlock::MAX_READERS;

/// What somebody has, or waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lock {
    /// Where it begins in the memory that it was found in.
    pub offset: u64,
    /// What it is, as far as can be told.
    pub kind: Kind,
    /// Its number in the family, by which threads tell of it; `None`: it has none, as those have that no thread tells of.
    pub number: Option<u32>,
    /// What it is called, if it has a name.
    pub name: Option<String>,
    /// Who has it.
    pub holders: Vec<Holder>,
    /// It says itself that somebody may sleep until it is released.
    pub may_be_slept_on: bool,
}

/// What a lock is, as far as its bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// One that a thread has alone: a [`Mutex`](crate::Mutex), a [`ReentrantMutex`](crate::ReentrantMutex), an [`RwLock`](crate::RwLock) to
    /// write, or what else is made of them.
    Owned,
    /// An [`RwLock`](crate::RwLock) that is read.
    Read,
    /// The permits of a [`RobustSemaphore`](crate::RobustSemaphore).
    Permits,
    /// What has no owner, or none that its bytes tell of: a semaphore, an event, a doorbell, a [`Lock`](crate::Lock).
    Ownerless,
}

/// A thread that has a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The number of its process; 0: its entry in the registry is another's by now.
    pub pid: u32,
    /// The kernel's number of the thread; 0: it has ended, and nobody knows any more.
    pub tid: u32,
    /// Alone or beside others.
    pub access: Access,
    /// What has become of it.
    pub condition: Condition,
    /// Where in the source it asked for the lock, if it has told.
    pub site: Option<CallSite>,
    /// For how long, if it has told.
    pub held_for: Option<Duration>,
}

/// What has become of a lock's holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// It runs, as far as is known.
    Alive,
    /// Its thread has ended, and its process goes on: nobody gets the lock before that has ended.
    ThreadEnded,
    /// Its process has ended: who asks next gets the lock, and is told.
    Dead,
    /// Its thread has ended. Of its process nothing tells whether it has.
    Unknown,
}

/// The first bytes of a lock in shared memory.
struct Head {
    word: u32,
    owner: u64,
    number: Option<u32>,
}

impl Lock {
    /// A word that somebody sleeps at, of which nothing else is known.
    ///
    /// ```
    /// use multiproc_sync::registry::inspect::{Kind, Lock};
    /// assert_eq!(Lock::ownerless(256).kind, Kind::Ownerless);
    /// ```
    pub fn ownerless(offset: u64) -> Self {
        let (number, name, holders) = (None, None, Vec::new());
        Self { offset, kind: Kind::Ownerless, number, name, holders, may_be_slept_on: true }
    }
}

/// A copy of what lies around a word that somebody sleeps at.
#[derive(Clone, Copy)]
struct Around<'a> {
    bytes: &'a [u8],
    /// Where the copy begins.
    from: u64,
    /// Where the word lies.
    offset: u64,
}

impl<'a> Around<'a> {
    /// The bytes from a place before the word on, and that place.
    fn before(self, back: usize) -> Option<(&'a [u8], u64)> {
        let place = self.offset.checked_sub(back as u64)?;
        Some((self.bytes.get((place - self.from) as usize..)?, place))
    }
}

/// How much of a lock is looked at: as much as an `RwLock` with as many readers as there can be.
const LEN: usize = at::SLOTS_AT + MAX_READERS * at::SLOT_LEN;

impl Snapshot {
    /// The lock that begins at this place of a segment, as a thread tells of it ([`Wait::address`](super::Wait::address),
    /// [`Hold::may_be_at`]); `None`: no head of a lock is there that the family could have.
    ///
    /// # Errors
    ///
    /// The memory cannot be read.
    pub fn lock_at(&self, memory: &(impl Source + ?Sized), offset: u64) -> io::Result<Option<Lock>> {
        Ok(self.known_lock(&copy(memory, offset, LEN)?, offset))
    }

    /// What a thread sleeps at, by the kernel's word (`/proc/PID/task/TID/syscall`): a futex at this place of a segment, as long as its word is
    /// `expected`. A holder is told where the word, or what lies around it, names one.
    ///
    /// # Errors
    ///
    /// The memory cannot be read.
    pub fn lock_slept_on(
        &self,
        memory: &(impl Source + ?Sized),
        offset: u64,
        expected: u32,
        sleeper: u32,
    ) -> io::Result<Lock> {
        /// Looks at a word that names its owner, as long as it and the owner's name change.
        const LOOKS: usize = 4;
        let is_owners_word = expected & WAITERS != 0 && expected & OWNER != 0;
        for _ in 0..LOOKS {
            let from = offset.saturating_sub(at::BELL as u64);
            let bytes = copy(memory, from, at::BELL + LEN)?;
            let around = Around { bytes: &bytes, from, offset };
            if let Some(lock) = self.lock_around(around, is_owners_word, sleeper) {
                return Ok(lock);
            }
            if !is_owners_word {
                break;
            }
        }
        Ok(Lock::ownerless(offset))
    }

    /// The lock whose word, or turn, or bell, is the one that somebody sleeps at.
    fn lock_around(&self, around: Around<'_>, is_owners_word: bool, sleeper: u32) -> Option<Lock> {
        let at_door = |back, with_head: bool| {
            let (bytes, place) = around.before(back).filter(|(bytes, place)| is_door(bytes, *place))?;
            let head = self.head(bytes)?;
            (!with_head || head.word & OWNER == sleeper).then(|| self.known_lock(bytes, place))?
        };
        let word = around.before(at::WORD)?;
        let owned = if is_owners_word { self.known_lock(word.0, word.1) } else { None };
        owned
            .or_else(|| at_door(at::BELL, true))
            .or_else(|| at_door(at::TURN, false).filter(|lock| !lock.holders.is_empty()))
            .or_else(|| self.permits(word.0, word.1))
    }

    /// A lock whose head is known to begin here.
    fn known_lock(&self, bytes: &[u8], offset: u64) -> Option<Lock> {
        let head = self.head(bytes)?;
        self.held_lock(bytes, offset).or_else(|| {
            // Taken for what begins and ends inside one call, as by a writer that waits for its readers, or by one that has no guard yet.
            let tid = head.word & OWNER;
            let is_in_call = tid != 0 && head.owner == 0 && head.word & DIED == 0;
            let is_it = |thread: &&Thread| thread.tid == tid && !thread.has_ended;
            let thread = if is_in_call { self.threads().iter().find(is_it) } else { None };
            let holders =
                thread.map(|thread| self.holder(thread, Condition::Alive, Access::Exclusive, head.number));
            let is_free = tid == 0 && head.owner == 0;
            (is_free || holders.is_some())
                .then(|| self.lock(offset, Kind::Owned, &head, holders.into_iter().collect()))
        })
    }

    /// The lock that begins here, if it names a thread of the family that has it.
    fn held_lock(&self, bytes: &[u8], offset: u64) -> Option<Lock> {
        self.owned_lock(bytes, offset).or_else(|| self.read_lock(bytes, offset))
    }

    /// The lock that begins here, if it names a thread that has it alone.
    pub(super) fn owned_lock(&self, bytes: &[u8], offset: u64) -> Option<Lock> {
        let head = self.head(bytes)?;
        let holder = self.owner(&head)?;
        Some(self.lock(offset, Kind::Owned, &head, vec![holder]))
    }

    /// The `RwLock` that begins here, if it names threads that read.
    pub(super) fn read_lock(&self, bytes: &[u8], offset: u64) -> Option<Lock> {
        let head = self.head(bytes).filter(|_| is_door(bytes, offset))?;
        let reader = |thread: &Thread| self.holder(thread, self.life_of(thread), Access::Read, head.number);
        let readers: Vec<_> = self.taken_slots(bytes).map(|(_, thread)| reader(thread)).collect();
        (!readers.is_empty()).then(|| self.lock(offset, Kind::Read, &head, readers))
    }

    /// How long a lock is that was found in these bytes, as far as they tell: an `RwLock` up to its last slot that somebody has. A writer's
    /// may have such slots too, of readers that were just coming.
    pub(super) fn known_len(&self, bytes: &[u8], lock: &Lock) -> usize {
        /// What a gate says that a writer has shut.
        const WRITER: u32 = 1;
        let is_written = || is_door(bytes, lock.offset) && u32_at(bytes, at::GATE) == WRITER;
        let has_slots = lock.kind == Kind::Read || is_written();
        let last = if has_slots { self.taken_slots(bytes).last() } else { None };
        last.map_or(at::HEAD_LEN, |(end, _)| end)
    }

    fn lock(&self, offset: u64, kind: Kind, head: &Head, holders: Vec<Holder>) -> Lock {
        let name = head.number.and_then(|number| self.name_of_lock(number)).map(str::to_owned);
        let may_be_slept_on = head.word & WAITERS != 0;
        Lock { offset, kind, number: head.number, name, holders, may_be_slept_on }
    }

    /// The bytes as the head of a lock that was placed; `None`: they are not.
    fn head(&self, bytes: &[u8]) -> Option<Head> {
        let head = bytes.get(..at::HEAD_LEN)?;
        let (mode, state) = (u32_at(head, at::MODE), u32_at(head, at::STATE));
        let is_placed = if self.is_watched() { mode & ROBUST != 0 } else { mode == ROBUST };
        let is_head = is_placed && state & !(POISONED | INCONSISTENT | ABANDONED) == 0;
        let number = Some(mode >> at::MODE_BITS).filter(|number| *number != 0);
        is_head.then(|| Head { word: u32_at(head, at::WORD), owner: u64_at(head, at::OWNER), number })
    }

    /// The one who has a guard, by both the kernel's number and the name.
    fn owner(&self, head: &Head) -> Option<Holder> {
        let Head { word, owner, number } = *head;
        let told = |thread, condition| self.holder(thread, condition, Access::Exclusive, number);
        match (word & OWNER, word & DIED != 0, self.bearer(owner)) {
            (0, true, Some(thread)) => Some(told(thread, self.fate(thread))),
            // The entry of its thread, or its process, is another's by now: that happens to those only that have ended.
            (0, true, None) => self.may_be_name(owner).then(|| nobody(self.pid_in(owner))),
            (tid, false, Some(thread)) if tid != 0 && tid == thread.tid => {
                Some(told(thread, Condition::Alive))
            }
            _ => None,
        }
    }

    /// The slots that somebody has, of a lock that begins here: where each ends, and who has it.
    fn taken_slots<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = (usize, &'a Thread)> {
        let slots = bytes.get(at::SLOTS_AT..).unwrap_or_default().chunks_exact(at::SLOT_LEN);
        let ends = (1..=MAX_READERS).map(|slots| at::SLOTS_AT + slots * at::SLOT_LEN);
        let named = ends.zip(slots).map(|(end, slot)| {
            let name = u64_at(slot, 0) & !MARK;
            let thread = self.bearer(name).filter(|_| u32_at(slot, at::GUARDS) > 1);
            (end, name == 0, thread)
        });
        // What follows another is no slot.
        let slots = named.take_while(|(_, is_free, thread)| *is_free || thread.is_some());
        slots.filter_map(|(end, _, thread)| Some((end, thread?)))
    }

    /// A semaphore at whose bell, which lies here, somebody sleeps: all permits are taken then, and marked.
    fn permits(&self, bytes: &[u8], offset: u64) -> Option<Lock> {
        if u32_at(bytes, at::PERMITS_MODE) != ROBUST {
            return None;
        }
        let claims = bytes.get(at::PERMITS_AT..)?.chunks_exact(8).take(MAX_ROBUST_PERMITS);
        let names = claims.map(|claim| u64_at(claim, 0)).take_while(|claim| claim & MARK != 0);
        let threads = names.map_while(|claim| self.bearer(claim & !MARK));
        let holders: Vec<_> = threads
            .map(|thread| self.holder(thread, self.life_of(thread), Access::Exclusive, None))
            .collect();
        let lock =
            Lock { offset, kind: Kind::Permits, number: None, name: None, holders, may_be_slept_on: true };
        (!lock.holders.is_empty()).then_some(lock)
    }

    /// A thread that has the lock with this number.
    fn holder(&self, thread: &Thread, condition: Condition, access: Access, number: Option<u32>) -> Holder {
        let is_it = |hold: &&Hold| number.is_some_and(|number| hold.lock == LockKey::Placed(number));
        let told = thread.holds.iter().rev().find(is_it);
        Holder {
            pid: thread.pid,
            tid: thread.tid,
            access,
            condition,
            site: told.and_then(|hold| hold.site.clone()),
            held_for: told.and_then(|hold| hold.held_for),
        }
    }

    /// What has become of one that the kernel called dead.
    fn fate(&self, thread: &Thread) -> Condition {
        match self.life(thread.process) {
            Life::Alive => Condition::ThreadEnded,
            Life::Dead => Condition::Dead,
            Life::Unknown => Condition::Unknown,
        }
    }

    /// What has become of one with a claim, which outlives its thread.
    fn life_of(&self, thread: &Thread) -> Condition {
        let has_stopped = thread.has_left || thread.has_ended || self.life(thread.process) == Life::Dead;
        if has_stopped { self.fate(thread) } else { Condition::Alive }
    }

    /// The number of the process in a name, if that has its entry still.
    fn pid_in(&self, owner: u64) -> u32 {
        let process = Owner::unpacked(owner).and_then(|owner| self.member(owner.process));
        process.map_or(0, |member| member.pid)
    }
}

/// One that has ended, and of whom nothing else is known.
fn nobody(pid: u32) -> Holder {
    let (tid, site, held_for) = (0, None, None);
    Holder { pid, tid, access: Access::Exclusive, condition: Condition::Dead, site, held_for }
}

/// Whether these may be the first bytes of an `RwLock`, which slots follow.
fn is_door(bytes: &[u8], offset: u64) -> bool {
    /// The highest that a gate says.
    const FULL: u32 = 2;
    offset.is_multiple_of(at::SLOT_LEN as u64)
        && bytes.len() > at::SLOTS_AT
        && u32_at(bytes, at::GATE) <= FULL
}

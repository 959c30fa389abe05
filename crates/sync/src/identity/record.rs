//! What a thread holds, written where the other threads of its process can look it up. `unsafe`: records are never freed.
#![allow(unsafe_code)]

use std::ops::Range;
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::MAX_HELD;
use crate::primitive::{AtomicU32, AtomicU64, AtomicUsize};
use crate::robust_word::RobustWord;

/// The locks that one thread holds. Made once, then handed from thread to thread: never freed, so that a scan needs no lock,
/// also after a fork in the middle of one.
///
/// What a lock touches comes first, within one cache line as long as few are held.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Record {
    /// [`FREE`], [`USED`] or [`LEFT`].
    in_use: AtomicU32,
    /// The process is a fork of the one whose thread held locks with this record. Guards came along that name it, so that no
    /// thread ever gets it.
    pub(super) retired: AtomicU32,
    /// The kernel's number of the thread.
    pub(super) tid: AtomicU32,
    /// Waits of the thread with locks that it has let go, and of which it has guards still.
    pub(super) let_go: AtomicU32,
    /// The thread's packed [`Owner`](super::Owner).
    pub(super) owner: AtomicU64,
    /// The thread's list of robust words: the address of the head, and the node of the thread's entry.
    pub(super) head: AtomicUsize,
    pub(super) entry: AtomicUsize,
    /// A lock that is held, or is being taken; 0: none. Most threads hold one at a time.
    one: AtomicUsize,
    /// How many others are.
    depth: AtomicUsize,
    others: [AtomicUsize; MAX_HELD - 1],
    /// The record made before this one; 0: none.
    before: AtomicUsize,
}

/// No thread has it.
const FREE: u32 = 0;
const USED: u32 = 1;
/// Its thread has ended with locks held. If it releases the last of them after all, in a destructor of another library's, the
/// record is as good as free.
const LEFT: u32 = 2;

/// The record made last; 0: none.
static LAST: AtomicUsize = AtomicUsize::new(0);

fn all() -> impl Iterator<Item = &'static Record> {
    // Acquire: with the Release of `push`.
    let mut next = LAST.load(Acquire);
    std::iter::from_fn(move || {
        // SAFETY: 0, or the address of a record that was leaked.
        let record = unsafe { (next as *const Record).as_ref() }?;
        next = record.before.load(Relaxed);
        Some(record)
    })
}

impl Record {
    /// A record that no thread has.
    pub(super) fn take() -> &'static Self {
        all().find(|record| record.is_taken_over()).unwrap_or_else(|| {
            let new = Self {
                in_use: AtomicU32::new(USED),
                retired: AtomicU32::new(0),
                tid: AtomicU32::new(0),
                let_go: AtomicU32::new(0),
                owner: AtomicU64::new(0),
                head: AtomicUsize::new(0),
                entry: AtomicUsize::new(0),
                one: AtomicUsize::new(0),
                depth: AtomicUsize::new(0),
                others: [const { AtomicUsize::new(0) }; MAX_HELD - 1],
                before: AtomicUsize::new(0),
            };
            Self::push(Box::leak(Box::new(new)))
        })
    }

    fn push(record: &'static Self) -> &'static Self {
        let mut last = LAST.load(Relaxed);
        loop {
            record.before.store(last, Relaxed);
            // Release: with the Acquire of `all`.
            match LAST.compare_exchange(last, ptr::from_ref(record) as usize, Release, Relaxed) {
                Ok(_) => return record,
                Err(newer) => last = newer,
            }
        }
    }

    /// Whether nobody had it, and the caller has it now.
    fn is_taken_over(&self) -> bool {
        // AcqRel: with the Release of `give_back`, or of the thread's last note taken back.
        let becomes_used = |from| self.in_use.compare_exchange(from, USED, AcqRel, Relaxed).is_ok();
        becomes_used(FREE) || (!self.holds_any() && self.retired.load(Relaxed) == 0 && becomes_used(LEFT))
    }

    /// Ends the use of a record by its thread. If that leaves with locks held, the kernel follows their nodes when it ends, and
    /// memory with such nodes stays mapped.
    pub(super) fn give_back(&self) {
        self.in_use.store(if self.holds_any() { LEFT } else { FREE }, Release);
    }

    /// Acquire: with the Release of `unnote` and its kin, after which a thread that has left touches its record no more.
    fn holds_any(&self) -> bool {
        self.one.load(Acquire) != 0 || self.depth.load(Acquire) != 0
    }

    /// In a fork of the process: the threads of the records are not there.
    pub(super) fn forget_all() {
        for record in all() {
            if record.holds_any() || record.let_go.load(Relaxed) != 0 {
                record.one.store(0, Relaxed);
                record.depth.store(0, Relaxed);
                record.let_go.store(0, Relaxed);
                record.retired.store(1, Relaxed);
            } else if record.retired.load(Relaxed) == 0 {
                record.in_use.store(FREE, Relaxed);
            }
        }
    }

    /// Notes that the thread is about to take `word`; `false`: it holds too many.
    #[inline(always)]
    pub(super) fn note(&self, word: &RobustWord) -> bool {
        if self.one.load(Relaxed) != 0 {
            return self.note_another(word);
        }
        // Release: with the Acquire of `any_held`.
        self.one.store(ptr::from_ref(word) as usize, Release);
        true
    }

    #[inline(never)]
    fn note_another(&self, word: &RobustWord) -> bool {
        let before = self.depth.load(Relaxed);
        let Some(place) = self.others.get(before) else { return false };
        // Release, both: with the Acquires of `any_held`. Else one that sees this lock might see an older one below it, where a release
        // out of order has moved another since.
        place.store(ptr::from_ref(word) as usize, Release);
        self.depth.store(before + 1, Release);
        true
    }

    /// Takes the note back.
    #[inline(always)]
    pub(super) fn unnote(&self, word: &RobustWord) {
        if self.one.load(Relaxed) == ptr::from_ref(word) as usize {
            self.one.store(0, Release);
        } else {
            self.unnote_another(word);
        }
    }

    #[inline(never)]
    fn unnote_another(&self, word: &RobustWord) {
        let address = ptr::from_ref(word) as usize;
        let depth = self.depth.load(Relaxed).min(self.others.len());
        let others = &self.others[..depth];
        let Some(found) = others.iter().rposition(|place| place.load(Relaxed) == address) else { return };
        // A scan in the middle sees an address twice or not yet gone, never one missing that is held.
        for place in found..depth - 1 {
            others[place].store(others[place + 1].load(Relaxed), Release);
        }
        self.depth.store(depth - 1, Release);
    }

    /// Whether any of the addresses in it is `wanted`. Other threads may ask while the owner of the record locks and releases.
    ///
    /// From the top: a release out of order moves addresses down, and one that came down past a scan from the bottom would
    /// not be seen.
    fn any_held(&self, mut wanted: impl FnMut(usize) -> bool) -> bool {
        // Acquire, all: with the Release of `note` and of its kin.
        let depth = self.depth.load(Acquire).min(self.others.len());
        let mut others = self.others[..depth].iter().rev().map(|place| place.load(Acquire));
        let one = self.one.load(Acquire);
        (one != 0 && wanted(one)) || others.any(wanted)
    }
}

/// Whether any thread of this process holds, or is taking, a lock at these addresses.
pub(crate) fn holds_within(addresses: &Range<usize>) -> bool {
    let mut used = all().filter(|record| record.in_use.load(Acquire) != FREE);
    used.any(|record| record.any_held(|address| addresses.contains(&address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_releases_its_locks_after_its_end_leaves_no_record() {
        let [first, second] = [const { RobustWord::new() }; 2];
        let record = Record::take();
        assert!(record.note(&first) && record.note(&second));
        record.give_back();
        record.unnote(&first);
        assert!(!record.is_taken_over(), "it holds another");
        record.unnote(&second);
        record.retired.store(1, Relaxed);
        assert!(!record.is_taken_over(), "a guard of the process that this is a fork of names it");
        record.retired.store(0, Relaxed);
        // Or by another test, which gives it back.
        let taken = (0..1_000_000).any(|_| record.is_taken_over());
        assert!(taken);
        record.give_back();
    }

    /// The releases happen in the middle of the scan, before each of its steps in turn.
    #[test]
    fn a_scan_misses_nothing_that_is_held_while_others_are_released() {
        let [low, forgotten, high] = [const { RobustWord::new() }; 3];
        let address = |word| ptr::from_ref::<RobustWord>(word) as usize;
        for step in 0..3 {
            let record = Record::take();
            [&low, &forgotten, &high].iter().for_each(|word| assert!(record.note(word)));
            let mut steps = 0;
            let found = record.any_held(|held| {
                if steps == step {
                    record.unnote(&low);
                }
                steps += 1;
                held == address(&forgotten)
            });
            assert!(found, "released at step {step}");
            assert!(!record.any_held(|held| held == 0));
            [&forgotten, &high].iter().for_each(|word| record.unnote(word));
            if steps <= step {
                record.unnote(&low);
            }
            assert!(!record.any_held(|_| true));
            record.give_back();
        }
    }
}

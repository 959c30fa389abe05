//! What a thread holds, written where the other threads of its process can look it up. `unsafe`: records are never freed.
#![allow(unsafe_code)]

use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::MAX_HELD;
use super::list::List;
use crate::primitive::{AtomicU32, AtomicU64, AtomicUsize};
use crate::robust_word::RobustWord;
use crate::sys::robust_list::ListHead;

/// One thread's identity and the locks that it holds. Made once, then handed from thread to thread: never freed, so that
/// a scan needs no lock, also after a fork in the middle of one.
///
/// What a lock touches comes first, within one cache line as long as few are held.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Record {
    /// The kernel's number of the thread.
    pub(super) tid: AtomicU32,
    in_use: AtomicU32,
    /// Its packed [`Owner`](super::Owner).
    pub(super) owner: AtomicU64,
    /// Its `ListHead`.
    pub(super) list: AtomicUsize,
    /// How many locks are held, up to [`MAX_HELD`].
    depth: AtomicUsize,
    held: [AtomicUsize; MAX_HELD],
    /// The record made before this one; 0: none.
    before: AtomicUsize,
}

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

/// The calling thread, which has an identity.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Me(pub(super) &'static Record);

impl Record {
    /// A record that no thread has.
    pub(super) fn take() -> &'static Self {
        // AcqRel: with the Release of `give_back`.
        let free = all().find(|record| record.in_use.compare_exchange(0, 1, AcqRel, Relaxed).is_ok());
        free.unwrap_or_else(|| {
            let new = Self {
                tid: AtomicU32::new(0),
                in_use: AtomicU32::new(1),
                owner: AtomicU64::new(0),
                list: AtomicUsize::new(0),
                depth: AtomicUsize::new(0),
                held: [const { AtomicUsize::new(0) }; MAX_HELD],
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

    /// Ends the use of a record, unless its thread leaves with locks held: then the kernel follows their nodes when it ends,
    /// and memory with such nodes stays mapped.
    pub(super) fn give_back(&self) {
        if self.depth.load(Relaxed) == 0 {
            self.in_use.store(0, Release);
        }
    }

    /// In a fork of the process: the threads of the records are not there.
    pub(super) fn forget_all() {
        for record in all() {
            record.depth.store(0, Relaxed);
            record.in_use.store(0, Relaxed);
        }
    }
}

impl Me {
    /// The thread's number in robust words.
    #[inline(always)]
    pub(crate) fn tid(self) -> u32 {
        self.0.tid.load(Relaxed)
    }

    /// The thread's name in locks that it has a guard of.
    #[inline(always)]
    pub(crate) fn owner(self) -> u64 {
        self.0.owner.load(Relaxed)
    }

    /// The thread's list. Asked for once in each function: the barriers in there would have it read again and again.
    #[inline(always)]
    pub(crate) fn list(self) -> List {
        let head = NonNull::new(self.0.list.load(Relaxed) as *mut ListHead);
        // SAFETY: set to the calling thread's head before the record was handed to it; `Me` stays with its thread (the
        // record is found in a thread-local), and libc keeps the head until the thread has ended.
        List(unsafe { head.unwrap_unchecked().as_ref() })
    }

    /// Notes that the thread is about to take `word`; `false`: it holds too many.
    #[inline(always)]
    pub(crate) fn note(self, word: &RobustWord) -> bool {
        let Record { depth, held, .. } = self.0;
        let before = depth.load(Relaxed);
        let Some(place) = held.get(before) else { return false };
        place.store(ptr::from_ref(word) as usize, Relaxed);
        // Release: with the Acquire of `holds_within`.
        depth.store(before + 1, Release);
        true
    }

    /// Takes the note back.
    #[inline(always)]
    pub(crate) fn unnote(self, word: &RobustWord) {
        let Record { depth, held, .. } = self.0;
        let last = depth.load(Relaxed).wrapping_sub(1);
        let address = ptr::from_ref(word) as usize;
        if held.get(last).is_some_and(|place| place.load(Relaxed) == address) {
            depth.store(last, Release);
        } else {
            self.unnote_below(address);
        }
    }

    /// Locks were released in another order than the reverse of their taking.
    #[cold]
    #[inline(never)]
    fn unnote_below(self, address: usize) {
        let depth = self.0.depth.load(Relaxed).min(MAX_HELD);
        let held = &self.0.held[..depth];
        let Some(found) = held.iter().rposition(|place| place.load(Relaxed) == address) else { return };
        // A scan in the middle sees an address twice or not yet gone, never one missing that is held.
        for place in found..depth - 1 {
            held[place].store(held[place + 1].load(Relaxed), Release);
        }
        self.0.depth.store(depth - 1, Release);
    }
}

impl Record {
    /// Whether any of the addresses in it is `wanted`. Other threads may ask while the owner of the record locks and releases.
    ///
    /// From the top: a release out of order moves addresses down, and one that came down past a scan from the bottom would
    /// not be seen.
    fn any_held(&self, wanted: impl FnMut(usize) -> bool) -> bool {
        // Acquire, both: with the Release of `note` and of `unnote_below`.
        let depth = self.depth.load(Acquire).min(MAX_HELD);
        self.held[..depth].iter().rev().map(|place| place.load(Acquire)).any(wanted)
    }
}

/// Whether any thread of this process holds, or is taking, a lock at these addresses.
pub(crate) fn holds_within(addresses: &Range<usize>) -> bool {
    let mut used = all().filter(|record| record.in_use.load(Acquire) != 0);
    used.any(|record| record.any_held(|address| addresses.contains(&address)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The releases happen in the middle of the scan, before each of its steps in turn.
    #[test]
    fn a_scan_misses_nothing_that_is_held_while_others_are_released() {
        let [low, forgotten, high] = [const { RobustWord::new() }; 3];
        let address = |word| ptr::from_ref::<RobustWord>(word) as usize;
        for step in 0..3 {
            let me = Me(Record::take());
            [&low, &forgotten, &high].iter().for_each(|word| assert!(me.note(word)));
            let mut steps = 0;
            let found = me.0.any_held(|held| {
                if steps == step {
                    me.unnote(&low);
                }
                steps += 1;
                held == address(&forgotten)
            });
            assert!(found, "released at step {step}");
            assert!(!me.0.any_held(|held| held == 0));
            [&forgotten, &high].iter().for_each(|word| me.unnote(word));
            if steps <= step {
                me.unnote(&low);
            }
            assert!(!me.0.any_held(|_| true));
            me.0.give_back();
        }
    }
}

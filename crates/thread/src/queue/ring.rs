//! A ring of slots for a bounded queue, without a lock. `unsafe`: an item is written by whoever has claimed its slot, and read by whoever
//! has claimed it after that.
//!
//! `tail` counts what was put and `head` what was taken, both doubled; the lowest bit of `tail` says that the ring is shut. So one
//! exchange of `tail` claims a slot, counts the put, and fails if the ring was shut meanwhile; and what a queue's account needs to know
//! stands there already. A slot's stamp says who is next at it:
//!
//! ```text
//!  tail  ┌──────────────────────┬──────┐     stamp of a slot
//!        │ items put            │ SHUT │       2n      free for the n-th item
//!        └──────────────────────┴──────┘       2n | 1  has the n-th item
//!  head  ┌──────────────────────┬──────┐       2(n+B)  its item was taken: free for the next lap
//!        │ items taken          │ 0    │
//!        └──────────────────────┴──────┘     B slots, a power of two, of which `capacity` are in use at a time
//! ```
//!
//! After Dmitry Vyukov's bounded queue; the doubled stamps make one slot enough.
#![allow(unsafe_code)]

use std::fmt;
use std::mem::MaybeUninit;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crossbeam_utils::CachePadded;
use multiproc_sync::primitive::{AtomicU64, UnsafeCell};

use super::contention::Contention;
use super::store::{Nothing, Refusal, Store, give_way};
use crate::planted::{Bug, planted};

/// In `tail`: nothing more is put in.
const SHUT: u64 = 1;
/// In a stamp: the slot has an item.
const FILLED: u64 = 1;
/// One item, in `tail`, `head` and stamps.
const ONE: u64 = 2;

pub(crate) struct Ring<T> {
    tail: CachePadded<AtomicU64>,
    head: CachePadded<AtomicU64>,
    slots: Box<[Slot<T>]>,
    /// One lap: as many as there are slots, doubled.
    lap: u64,
    /// The most items, doubled.
    capacity: u64,
}

struct Slot<T> {
    stamp: AtomicU64,
    item: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: items go in from one thread and come out in another; what is in a slot is reached by its claimant alone.
unsafe impl<T: Send> Send for Ring<T> {}
// SAFETY: as above; nobody gets a reference to an item.
unsafe impl<T: Send> Sync for Ring<T> {}

// A panic leaves no item half put: no code of the user's runs in between.
impl<T> UnwindSafe for Ring<T> {}
impl<T> RefUnwindSafe for Ring<T> {}

impl<T> Ring<T> {
    /// How many bytes a ring for so many items takes, if such a ring can be.
    #[cfg_attr(multiproc_loom, allow(dead_code))] // models have small ones
    pub(crate) fn bytes(capacity: usize) -> Option<usize> {
        capacity.checked_next_power_of_two()?.checked_mul(size_of::<Slot<T>>())
    }

    /// A ring for so many items, at least 1.
    pub(crate) fn new(capacity: usize) -> Self {
        let slots = capacity.next_power_of_two() as u64;
        let slot = |n| Slot { stamp: AtomicU64::new(n * ONE), item: UnsafeCell::new(MaybeUninit::uninit()) };
        Self {
            tail: CachePadded::new(AtomicU64::new(0)),
            head: CachePadded::new(AtomicU64::new(0)),
            slots: (0..slots).map(slot).collect(),
            lap: slots * ONE,
            capacity: capacity as u64 * ONE,
        }
    }

    /// The slot of the item with this number, doubled.
    #[inline(always)]
    fn slot(&self, at: u64) -> &Slot<T> {
        // As many as a power of two, so that the rest is in range, and below usize.
        let index = (at & (self.lap - 1)) / ONE;
        &self.slots[index as usize]
    }

    /// Whether less than `capacity` items are in the ring with `tail` put: the one that comes first was taken, and its taker is done.
    #[inline(always)]
    fn has_room(&self, tail: u64) -> bool {
        if self.capacity == self.lap {
            return true; // the slot's own stamp says so
        }
        let first = tail.wrapping_sub(self.capacity);
        let freed = first.wrapping_add(self.lap);
        let stamp = self.slot(first).stamp.load(Acquire);
        !is_before(stamp, freed)
    }
}

/// Whether the one came before the other; both may have run over.
#[inline(always)]
fn is_before(one: u64, other: u64) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}

impl<T> Store for Ring<T> {
    type Item = T;
    type Rest = Vec<T>;

    #[inline]
    fn push(&self, item: T) -> Result<(), (T, Refusal)> {
        let mut tail = self.tail.load(Relaxed);
        let contention = Contention::new();
        loop {
            if tail & SHUT != 0 {
                return Err((item, Refusal::Shut));
            }
            let slot = self.slot(tail);
            // Acquire: with the Release of the taker that freed it.
            let stamp = slot.stamp.load(Acquire);
            if stamp == tail && self.has_room(tail) {
                // Release: with the Acquire of `len`, which so sees the takes that have made the room. What concerns the item, the slot's
                // stamp orders.
                match self.tail.compare_exchange(tail, tail + ONE, Release, Relaxed) {
                    Ok(_) => {
                        if planted(Bug::FilledEarly) {
                            slot.stamp.store(tail | FILLED, Release);
                        }
                        // SAFETY: the exchange made this thread the one that fills the slot, which its stamp said to be empty.
                        slot.item.with_mut(|place| unsafe { (*place).write(item) });
                        // Release: with the Acquire of `pop`.
                        let order = if planted(Bug::FilledUnordered) { Relaxed } else { Release };
                        slot.stamp.store(tail | FILLED, order);
                        return Ok(());
                    }
                    Err(now) => tail = contention.reload(&self.tail, now),
                }
                continue;
            }
            let now = self.tail.load(Relaxed);
            if now != tail {
                tail = now;
                continue;
            }
            // Acquire: who is refused sees what the takers did whom it had to wait for.
            let head = self.head.load(Acquire);
            // A newer `head` than the `tail` of before says nothing: what was full has been emptied meanwhile.
            let is_full = !is_before(tail, head) && tail.wrapping_sub(head) >= self.capacity;
            let refusal = if is_full { Refusal::Full } else { Refusal::Busy };
            return Err((item, refusal));
        }
    }

    #[inline]
    fn pop(&self) -> Result<T, Nothing> {
        let mut head = self.head.load(Relaxed);
        let contention = Contention::new();
        loop {
            let slot = self.slot(head);
            // Acquire: with the Release of `push`.
            let stamp = slot.stamp.load(Acquire);
            if stamp == head | FILLED {
                // Release: as in `push`, so that `len` sees the put of what was taken.
                let order = if planted(Bug::TakenUnordered) { Relaxed } else { Release };
                match self.head.compare_exchange(head, head.wrapping_add(ONE), order, Relaxed) {
                    Ok(_) => {
                        let freed = head.wrapping_add(self.lap);
                        if planted(Bug::FreedUnordered) {
                            slot.stamp.store(freed, Relaxed);
                        }
                        // SAFETY: the exchange made this thread the one that empties the slot, which its stamp said to be filled.
                        let item = slot.item.with(|place| unsafe { (*place).assume_init_read() });
                        // Release: with the Acquire of `push`.
                        slot.stamp.store(freed, Release);
                        return Ok(item);
                    }
                    Err(now) => head = contention.reload(&self.head, now),
                }
                continue;
            }
            let now = self.head.load(Relaxed);
            if now != head {
                head = now;
                continue;
            }
            // Acquire: with the Release of `shut`.
            let tail = self.tail.load(Acquire);
            let is_shut = tail & SHUT != 0;
            return Err(match tail & !SHUT == head {
                true if is_shut => Nothing::Ended,
                true => Nothing::Empty,
                false if is_shut && planted(Bug::EndsEarly) => Nothing::Ended,
                false => Nothing::Busy,
            });
        }
    }

    fn shut(&self) {
        // Release: with the Acquire of who finds that it has ended.
        self.tail.fetch_or(SHUT, Release);
    }

    fn clear(&self) -> (Vec<T>, u64) {
        let mut items = Vec::new();
        loop {
            match self.pop() {
                Ok(item) => items.push(item),
                Err(Nothing::Ended) => break,
                Err(Nothing::Busy | Nothing::Empty) => give_way(),
            }
        }
        let count = items.len() as u64;
        (items, count)
    }

    #[inline]
    fn puts(&self) -> u64 {
        self.tail.load(Relaxed) / ONE
    }

    #[inline]
    fn taken(&self) -> u64 {
        self.head.load(Relaxed) / ONE
    }

    fn len(&self) -> usize {
        // Acquire: with the Release of `push` and `pop`. No more are seen to be taken than put, or more to be put than there was room for.
        let mut tail = self.tail.load(Acquire);
        loop {
            let head = self.head.load(Acquire);
            let now = self.tail.load(Acquire);
            if now == tail {
                return ((tail & !SHUT).wrapping_sub(head) / ONE) as usize;
            }
            tail = now;
        }
    }

    fn capacity(&self) -> Option<usize> {
        Some((self.capacity / ONE) as usize)
    }

    fn is_shut(&self) -> bool {
        self.tail.load(Acquire) & SHUT != 0
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<T>() {
            // If an item panics in its drop, the unwinding drops the rest.
            let rest = Rest(self);
            rest.empty();
        }
    }
}

/// What is left in a ring that nobody else has.
struct Rest<'a, T>(&'a Ring<T>);

impl<T> Rest<'_, T> {
    /// One after the other: as many as there are would not fit on the stack within each other.
    fn empty(&self) {
        while let Ok(item) = self.0.pop() {
            drop(item);
        }
    }
}

impl<T> Drop for Rest<'_, T> {
    fn drop(&mut self) {
        self.empty();
    }
}

impl<T> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("len", &self.len()).finish_non_exhaustive()
    }
}

//! A robust mutex built up part by part, to see what each costs: the same memory and the same code, with the parts after
//! the last one left out at compile time. `unsafe`: the nodes of the robust list, and the number in its cell.
//!
//! What it is not: safe against every death. It wakes after it has released, and nobody waits for proof.
#![allow(unsafe_code)]

mod thread;

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, compiler_fence};

use crate::Result;
use crate::locks::Lock;
use crate::sys::{self, Reach, RobustList};

/// The last part that a lock has; it has those before it as well.
pub(crate) const WORD: u8 = 0;
/// A node in libc's list of robust futexes; the word names the thread.
pub(crate) const LIST: u8 = 1;
/// A look whether this lock is between processes or between threads.
pub(crate) const MODE: u8 = 2;
/// Who holds the data, stored after the word was taken and cleared before it is given up.
pub(crate) const OWNER: u8 = 3;
/// A record of all that the thread holds, which others can read.
pub(crate) const HELD: u8 = 4;
/// Whether a panic, or a death, left the data in the middle of something.
pub(crate) const POISON: u8 = 5;

const BETWEEN_PROCESSES: u32 = 1;
const POISONED: u32 = 1;

/// The word: a thread's number, or these.
const FREE: u32 = 0;
const WAITERS: u32 = 1 << 31;
const THREAD: u32 = (1 << 30) - 1;

/// From the node to the word: libc's choice, which the kernel applies to every node of the list.
const WORD_FROM_NODE: isize = -32;

/// From a node to its link backwards.
const PREVIOUS_FROM_NODE: usize = size_of::<usize>();

pub(crate) fn up_to<const LAST: u8>() -> Result<&'static Parts<LAST>> {
    if LAST >= LIST {
        let offset = sys::robust_list()?.offset;
        if offset != WORD_FROM_NODE {
            return Err(format!(
                "this libc keeps its words {offset} bytes from the node, not {WORD_FROM_NODE}"
            )
            .into());
        }
        thread::forget_after_fork()?;
    }
    sys::leak_shared(Parts::between_processes())
}

#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Parts<const LAST: u8> {
    word: AtomicU32,
    mode: AtomicU32,
    state: AtomicU32,
    reserved: u32,
    owner: AtomicU64,
    previous: AtomicUsize,
    /// The node: its address stands in the list.
    next: AtomicUsize,
    number: UnsafeCell<u64>,
}

// SAFETY: the number is reached under the lock only; nodes are changed by the thread that holds the lock.
unsafe impl<const LAST: u8> Sync for Parts<LAST> {}

impl<const LAST: u8> Lock for Parts<LAST> {
    #[inline(always)]
    fn add_one(&self) {
        self.with(|number| *number += 1);
    }

    fn number(&self) -> u64 {
        self.with(|number| *number)
    }
}

impl<const LAST: u8> Parts<LAST> {
    fn between_processes() -> Self {
        Self { mode: AtomicU32::new(BETWEEN_PROCESSES), ..Self::default() }
    }

    #[inline(always)]
    fn with<T>(&self, section: impl FnOnce(&mut u64) -> T) -> T {
        if LAST < LIST || (LAST >= MODE && self.mode.load(Ordering::Relaxed) != BETWEEN_PROCESSES) {
            self.take_word(1);
            let result = self.section(section);
            self.release_word(1);
            return result;
        }
        let me = thread::me();
        let held = if LAST >= HELD { me.enter(self.node()) } else { 0 };
        me.list.pending.store(self.node(), Ordering::Relaxed);
        // Towards this thread's own death only: the kernel walks the list as the thread had left it.
        compiler_fence(Ordering::SeqCst);
        self.take_word(me.thread);
        compiler_fence(Ordering::SeqCst);
        self.link(me.list);
        if LAST >= OWNER {
            self.owner.store(me.entry, Ordering::Relaxed);
        }
        let result = self.section(section);
        if LAST >= OWNER {
            self.owner.store(0, Ordering::Relaxed);
        }
        me.list.pending.store(self.node(), Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        self.unlink(me.list);
        compiler_fence(Ordering::SeqCst);
        self.release_word(me.thread);
        compiler_fence(Ordering::SeqCst);
        me.list.pending.store(0, Ordering::Relaxed);
        if LAST >= HELD {
            me.leave(held);
        }
        result
    }

    #[inline(always)]
    fn section<T>(&self, section: impl FnOnce(&mut u64) -> T) -> T {
        let panicked_before = LAST >= POISON && {
            assert_eq!(self.state.load(Ordering::Relaxed), 0, "a lock of this bench is poisoned");
            std::thread::panicking()
        };
        // SAFETY: the word is held.
        let result = section(unsafe { &mut *self.number.get() });
        if LAST >= POISON && !panicked_before && std::thread::panicking() {
            self.state.store(POISONED, Ordering::Relaxed);
        }
        result
    }

    #[inline(always)]
    fn take_word(&self, thread: u32) {
        if self.word.compare_exchange(FREE, thread, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.wait(thread);
        }
    }

    #[inline(always)]
    fn release_word(&self, thread: u32) {
        if LAST < LIST {
            if self.word.swap(FREE, Ordering::Release) & WAITERS != 0 {
                sys::futex_wake_one(&self.word, Reach::Processes);
            }
        } else if self.word.compare_exchange(thread, FREE, Ordering::Release, Ordering::Relaxed).is_err() {
            self.wake();
        }
    }

    #[cold]
    fn wait(&self, thread: u32) {
        let mut mine = thread;
        loop {
            let seen = self.word.load(Ordering::Relaxed);
            let wanted = if seen & THREAD == 0 { mine | (seen & WAITERS) } else { seen | WAITERS };
            if seen != wanted
                && self.word.compare_exchange(seen, wanted, Ordering::Acquire, Ordering::Relaxed).is_err()
            {
                continue;
            }
            if seen & THREAD == 0 {
                return;
            }
            // From here on there may be others that sleep: the bit stays with the word.
            mine = thread | WAITERS;
            sys::futex_wait(&self.word, wanted, Reach::Processes);
        }
    }

    #[cold]
    fn wake(&self) {
        self.word.store(WAITERS, Ordering::Release);
        if !sys::futex_wake_one(&self.word, Reach::Processes) {
            // Nobody slept; whoever came since then has set the bit again.
            let _ = self.word.compare_exchange(WAITERS, FREE, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    #[inline(always)]
    fn node(&self) -> usize {
        self.next.as_ptr() as usize
    }

    #[inline(always)]
    fn link(&self, list: &RobustList) {
        let first = list.first.load(Ordering::Relaxed);
        let head = list.first.as_ptr() as usize;
        self.next.store(first, Ordering::Relaxed);
        self.previous.store(head, Ordering::Relaxed);
        if first & !1 != head {
            backwards(first).store(self.node(), Ordering::Relaxed);
        }
        compiler_fence(Ordering::SeqCst);
        list.first.store(self.node(), Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        list.pending.store(0, Ordering::Relaxed);
    }

    #[inline(always)]
    fn unlink(&self, list: &RobustList) {
        let next = self.next.load(Ordering::Relaxed);
        let previous = self.previous.load(Ordering::Relaxed);
        if next & !1 != list.first.as_ptr() as usize {
            backwards(next).store(previous, Ordering::Relaxed);
        }
        forwards(previous).store(next, Ordering::Relaxed);
    }
}

/// The link forwards of a node, which may be the head of the list. Its lowest bit marks another kind of mutex.
fn forwards(node: usize) -> &'static AtomicUsize {
    // SAFETY: nodes in the list of this thread are locks that it holds, or its head; both stay where they are.
    unsafe { &*((node & !1) as *const AtomicUsize) }
}

/// The link backwards of a node that is not the head.
fn backwards(node: usize) -> &'static AtomicUsize {
    // SAFETY: as above; libc and `Parts` alike keep it right before the link forwards.
    unsafe { &*(((node & !1) - PREVIOUS_FROM_NODE) as *const AtomicUsize) }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn the_word_lies_where_the_kernel_looks_for_it() {
        type All = Parts<POISON>;
        assert_eq!(offset_of!(All, word) as isize - offset_of!(All, next) as isize, WORD_FROM_NODE);
        assert_eq!(offset_of!(All, next) - offset_of!(All, previous), PREVIOUS_FROM_NODE);
    }

    #[test]
    fn each_part_keeps_the_number_right_among_threads() {
        among_threads(up_to::<WORD>().unwrap());
        among_threads(up_to::<LIST>().unwrap());
        among_threads(up_to::<MODE>().unwrap());
        among_threads(up_to::<OWNER>().unwrap());
        among_threads(up_to::<HELD>().unwrap());
        among_threads(up_to::<POISON>().unwrap());
    }

    fn among_threads(lock: &'static impl Lock) {
        const TIMES: u64 = 2000;
        let threads: Vec<_> =
            (0..3).map(|_| std::thread::spawn(|| (0..TIMES).for_each(|_| lock.add_one()))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(lock.number(), 3 * TIMES);
    }

    #[test]
    fn a_lock_leaves_nothing_in_the_list() {
        let (outer, inner) = (up_to::<POISON>().unwrap(), up_to::<POISON>().unwrap());
        let list = sys::robust_list().unwrap();
        let before = list.first.load(Ordering::Relaxed);
        let nested = outer.with(|number| {
            inner.add_one();
            *number += 1;
            list.first.load(Ordering::Relaxed) == outer.node()
        });
        assert!(nested);
        assert_eq!(list.first.load(Ordering::Relaxed), before);
        assert_eq!((outer.number(), inner.number()), (1, 1));
    }
}

//! The calling thread's list of robust words: node in, node out. `unsafe`: nodes of libc are reached by address.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::{Ordering::Relaxed, Ordering::SeqCst, compiler_fence};

use crate::primitive::AtomicUsize;
use crate::robust_word::RobustWord;
use crate::sys::robust_list::ListHead;

/// Keeps the stores around it in their order. The kernel looks at the list in the dying thread's own program order, so
/// that the compiler is all that has to be held back.
#[inline(always)]
fn in_order() {
    compiler_fence(SeqCst);
}

/// libc marks nodes of its priority-inheriting mutexes by the lowest bit of the address, in `next` only.
const PLAIN: usize = !1;

/// libc's list of the calling thread, which it does not leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    head: &'static ListHead,
    /// The node of the thread's own entry, which stays in the list for as long as the thread lives: nobody ever asks it for
    /// its `prev`, so that none is written; 0: not yet there.
    entry: usize,
}

impl List {
    pub(super) fn of(head: &'static ListHead, entry: usize) -> Self {
        Self { head, entry }
    }

    /// The node that was linked last.
    pub(super) fn first(self) -> usize {
        self.head.next.load(Relaxed)
    }

    fn node(word: &RobustWord) -> usize {
        word.next.as_ptr() as usize
    }

    /// Tells the `node` after a node where that is, or what comes before it now.
    #[inline(always)]
    fn follow(self, node: usize, prev: usize) {
        if node != self.entry && node & PLAIN != ptr::from_ref(self.head) as usize {
            // SAFETY: a node of a lock that this thread holds, ours or libc's, so that it is mapped (ours: by `holds_within`);
            // both keep `prev` right before `next`, and only the thread itself writes it.
            unsafe { &*((node & PLAIN) as *const AtomicUsize).sub(1) }.store(prev, Relaxed);
        }
    }

    /// Tells the kernel that `word` is about to be taken or released: at a death it looks at it, in the list or not.
    #[inline(always)]
    pub(crate) fn announce(self, word: &RobustWord) {
        self.head.pending.store(Self::node(word), Relaxed);
        in_order();
    }

    /// As [`announce`](Self::announce), of a word that most often is announced since it was taken.
    #[inline(always)]
    pub(crate) fn announce_still(self, word: &RobustWord) {
        if self.head.pending.load(Relaxed) != Self::node(word) {
            self.head.pending.store(Self::node(word), Relaxed);
        }
        in_order();
    }

    /// Ends what was announced.
    #[inline(always)]
    pub(crate) fn settle(self) {
        in_order();
        self.head.pending.store(0, Relaxed);
    }

    /// Puts an announced word that the thread owns into its list.
    #[inline(always)]
    pub(crate) fn link(self, word: &RobustWord) {
        in_order();
        let first = self.head.next.load(Relaxed);
        word.next.store(first, Relaxed);
        self.follow(first, Self::node(word));
        in_order();
        self.head.next.store(Self::node(word), Relaxed);
        in_order();
    }

    /// Takes an announced word that the thread owns out of its list.
    #[inline(always)]
    pub(crate) fn unlink(self, word: &RobustWord) {
        let next = word.next.load(Relaxed);
        if self.head.next.load(Relaxed) == Self::node(word) {
            self.head.next.store(next, Relaxed);
            self.follow(next, ptr::from_ref(self.head) as usize);
        } else {
            // Whoever linked a node before this one has said so in `prev`.
            let prev = word.prev.load(Relaxed);
            // SAFETY: `prev` is the `next` field of the node before, of a lock that this thread holds, mapped as in `follow`;
            // nobody but this thread writes it.
            unsafe { &*(prev as *const AtomicUsize) }.store(next, Relaxed);
            self.follow(next, prev);
        }
        in_order();
    }
}

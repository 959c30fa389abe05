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
pub(crate) struct List(pub(super) &'static ListHead);

impl List {
    fn node(word: &RobustWord) -> usize {
        word.next.as_ptr() as usize
    }

    /// Tells the kernel that `word` is about to be taken or released: at a death it looks at it, in the list or not.
    #[inline(always)]
    pub(crate) fn announce(self, word: &RobustWord) {
        self.0.pending.store(Self::node(word), Relaxed);
        in_order();
    }

    /// Ends what was announced.
    #[inline(always)]
    pub(crate) fn settle(self) {
        in_order();
        self.0.pending.store(0, Relaxed);
    }

    /// Puts an announced word that the thread owns into its list.
    #[inline(always)]
    pub(crate) fn link(self, word: &RobustWord) {
        in_order();
        let list = self.0;
        let head = ptr::from_ref(list) as usize;
        let first = list.next.load(Relaxed);
        word.next.store(first, Relaxed);
        word.prev.store(head, Relaxed);
        if first & PLAIN != head {
            // SAFETY: `first` is the node of a lock that this thread holds, ours or libc's, so that it is mapped (ours: by
            // `holds_within`); both keep `prev` right before `next`.
            unsafe { &*((first & PLAIN) as *const AtomicUsize).sub(1) }.store(Self::node(word), Relaxed);
        }
        in_order();
        list.next.store(Self::node(word), Relaxed);
    }

    /// Takes an announced word that the thread owns out of its list.
    #[inline(always)]
    pub(crate) fn unlink(self, word: &RobustWord) {
        let head = ptr::from_ref(self.0) as usize;
        let next = word.next.load(Relaxed);
        let prev = word.prev.load(Relaxed);
        // SAFETY: `prev` is the `next` field of the list's head or of the node before, both of this thread and mapped as in
        // `link`; nobody but the owner writes it.
        unsafe { &*(prev as *const AtomicUsize) }.store(next, Relaxed);
        if next & PLAIN != head {
            // SAFETY: as in `link`.
            unsafe { &*((next & PLAIN) as *const AtomicUsize).sub(1) }.store(prev, Relaxed);
        }
        in_order();
    }
}

//! The calling thread. `unsafe`: libc's list of robust words is found again by its address.
#![allow(unsafe_code)]

use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::Relaxed;

use super::attach::attached;
use super::list::List;
use super::record::Record;
use crate::robust_word::RobustWord;
use crate::sys::robust_list::{self, ListHead};

/// The calling thread, which has an identity. A guard of a robust lock keeps it, as the way back to the thread's record that
/// needs no thread-local.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Me(&'static Record);

impl Me {
    /// The calling thread before it has a name.
    ///
    /// # Safety
    ///
    /// `head` is libc's of the calling thread, where the result stays.
    pub(super) unsafe fn unnamed(head: NonNull<ListHead>, tid: u32) -> Self {
        let record = Record::take();
        record.tid.store(tid, Relaxed);
        record.head.store(head.as_ptr() as usize, Relaxed);
        record.entry.store(0, Relaxed);
        Self(record)
    }

    /// Gives the thread its name, a packed [`Owner`](super::Owner), once its entry is the last thing in its list.
    pub(super) fn name(self, owner: u64) {
        self.0.entry.store(self.list().first(), Relaxed);
        self.0.owner.store(owner, Relaxed);
    }

    /// The thread locks nothing any more.
    pub(super) fn end(self) {
        self.0.give_back();
    }

    /// Whether a fork has brought a guard of the other process's thread here, which holds nothing in this one.
    #[inline(always)]
    pub(crate) fn is_elsewhere(self) -> bool {
        self.0.retired.load(Relaxed) != 0
    }

    /// Whether it is the calling thread: not where a fork has brought a guard along, though its record may be another thread's by now.
    pub(crate) fn is_here(self) -> bool {
        // A thread that has left has no name any more, and may drop its guards late in its end.
        self.is_here_attached() || (!self.is_elsewhere() && self.tid() == robust_list::thread_id())
    }

    /// Whether it is the calling thread, which has its name still.
    #[inline(always)]
    pub(crate) fn is_here_attached(self) -> bool {
        // As an address, which is null for nobody: one comparison.
        attached().map_or(ptr::null(), |here| ptr::from_ref(here.0)) == ptr::from_ref(self.0)
    }

    /// The kernel's number of the thread, as in robust words.
    #[inline(always)]
    pub(crate) fn tid(self) -> u32 {
        self.0.tid.load(Relaxed)
    }

    /// The thread's name in locks that it has a guard of.
    #[inline(always)]
    pub(crate) fn owner(self) -> u64 {
        self.0.owner.load(Relaxed)
    }

    /// The thread's list of robust words. Asked for once in each function: the barriers in there would have it read again and
    /// again.
    #[inline(always)]
    pub(crate) fn list(self) -> List {
        let head = NonNull::new(self.0.head.load(Relaxed) as *mut ListHead);
        // SAFETY: set to the head of the record's thread before the record was handed to that. It is the calling one: `Me` stays
        // with its thread, in a thread-local and in guards, and a record is not given back before its guards are. libc
        // keeps the head until the thread has ended.
        List::of(unsafe { head.unwrap_unchecked().as_ref() }, self.0.entry.load(Relaxed))
    }

    /// Notes that the thread is about to take `word`; `false`: it holds too many.
    #[inline(always)]
    pub(crate) fn note(self, word: &RobustWord) -> bool {
        self.0.note(word)
    }

    /// Notes that the thread lets go of a lock and has guards of it still: in a fork they are nobody's, as those of a lock that it holds.
    pub(crate) fn note_let_go(self) {
        self.0.let_go.store(self.0.let_go.load(Relaxed) + 1, Relaxed);
    }

    /// Takes that back; in a fork there is nothing to be taken back.
    pub(crate) fn unnote_let_go(self) {
        self.0.let_go.store(self.0.let_go.load(Relaxed).saturating_sub(1), Relaxed);
    }

    /// Takes the note back.
    #[inline(always)]
    pub(crate) fn unnote(self, word: &RobustWord) {
        self.0.unnote(word);
    }
}

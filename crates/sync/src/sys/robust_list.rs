//! The list of robust words that the kernel walks when a thread dies. `unsafe`: get_robust_list(2).
#![allow(unsafe_code)]

use std::mem::size_of;
use std::ptr::{self, NonNull};

use crate::primitive::AtomicUsize;

/// libc's list head of one thread, as the kernel reads it.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct ListHead {
    /// The `next` field of the first node, or of this head.
    pub(crate) next: AtomicUsize,
    /// From a node's `next` field to its word.
    pub(crate) offset: isize,
    /// The node that is being added or removed.
    pub(crate) pending: AtomicUsize,
}

/// Why a thread's list cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoList {
    /// The kernel has none for this thread, or does not know the call.
    Missing,
    /// libc keeps its words at another place.
    Foreign,
}

/// The calling thread's list, whose words must lie `offset` bytes from their nodes.
pub(crate) fn of_this_thread(offset: isize) -> Result<NonNull<ListHead>, NoList> {
    let mut head: *mut ListHead = ptr::null_mut();
    let mut len = 0_usize;
    // SAFETY: both pointers are to writable variables of the sizes that the kernel writes.
    let result = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut len) };
    let head = NonNull::new(head).filter(|_| result == 0 && len == size_of::<ListHead>());
    let head = head.ok_or(NoList::Missing)?;
    // SAFETY: libc registered this head for the calling thread and keeps it until the thread ends.
    match unsafe { (*head.as_ptr()).offset } {
        found if found == offset => Ok(head),
        _ => Err(NoList::Foreign),
    }
}

/// The calling thread's number, as the kernel writes it into robust words.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: takes nothing, cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

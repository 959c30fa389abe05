//! The system calls that locks are made of: futexes, the list of robust futexes, memory that a fork shares. `unsafe`:
//! raw system calls, each a few lines around one.
#![allow(unsafe_code)]

use std::num::NonZeroUsize;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, AtomicUsize};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

use crate::Result;

/// Zeroed memory that processes forked later share, aligned to pages. It stays mapped for good: what needs it lives as
/// long as its process.
pub(crate) fn map_shared(length: usize) -> Result<NonNull<u8>> {
    let length = NonZeroUsize::new(length).ok_or("a mapping of no bytes")?;
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // Pages are given out when they are touched, as the lock's registry expects: it is large and sparse.
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
    // SAFETY: a new mapping, at an address that the kernel chooses, takes nobody's memory.
    let memory = unsafe { mmap_anonymous(None, length, protection, flags) }?;
    Ok(memory.cast())
}

/// Puts a value where forked processes share it, for good.
pub(crate) fn leak_shared<T: Send + Sync>(value: T) -> Result<&'static T> {
    let place = map_shared(size_of::<T>())?.cast::<T>();
    // SAFETY: the mapping is long enough, aligned to a page, writable, and nobody else knows of it; it is never
    // unmapped, so the reference lives as long as the process.
    unsafe {
        place.write(value);
        Ok(place.as_ref())
    }
}

/// What a function of pthread returns: 0, or what went wrong.
pub(crate) fn check(code: libc::c_int) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(Errno::from_raw(code).into()) }
}

/// Who may sleep on a futex.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Threads,
    Processes,
}

impl Reach {
    fn flag(self) -> libc::c_int {
        match self {
            Self::Threads => libc::FUTEX_PRIVATE_FLAG,
            Self::Processes => 0,
        }
    }
}

/// Sleeps until somebody wakes the word; returns at once if its value is another one, and at times for no reason.
pub(crate) fn futex_wait(word: &AtomicU32, value: u32, reach: Reach) {
    let operation = libc::FUTEX_WAIT | reach.flag();
    // SAFETY: the word lives for the whole call; without a time-out the kernel reads nothing else.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, ptr::null::<libc::timespec>()) };
}

/// Wakes one sleeper; tells whether there was one.
pub(crate) fn futex_wake_one(word: &AtomicU32, reach: Reach) -> bool {
    let operation = libc::FUTEX_WAKE | reach.flag();
    // SAFETY: the kernel only takes the word's address as a name.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, 1) > 0 }
}

/// The head of a thread's list of robust futexes, as the kernel lays it out.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct RobustList {
    /// The address of the first node, or of this field.
    pub(crate) first: AtomicUsize,
    /// From a node to its futex word.
    pub(crate) offset: isize,
    /// The node that is being linked or unlinked.
    pub(crate) pending: AtomicUsize,
}

/// The list that libc registered for the calling thread. It goes when the thread ends.
pub(crate) fn robust_list() -> Result<&'static RobustList> {
    let mut head: *const RobustList = ptr::null();
    let mut length = 0_usize;
    // SAFETY: both are written by the kernel within the call.
    let code = unsafe { libc::syscall(libc::SYS_get_robust_list, 0, &raw mut head, &raw mut length) };
    Errno::result(code)?;
    // SAFETY: what is registered is the head inside the thread's own control block; callers keep it on their thread.
    let head = unsafe { head.as_ref() }.ok_or("libc registered no robust list")?;
    if length == size_of::<RobustList>() { Ok(head) } else { Err("an unknown kind of robust list".into()) }
}

/// Has `child` run in every process that is forked from now on, before anything else does.
pub(crate) fn after_fork_in_child(child: extern "C" fn()) -> Result<()> {
    // SAFETY: `child` lives for good, as code does.
    check(unsafe { libc::pthread_atfork(None, None, Some(child)) })
}

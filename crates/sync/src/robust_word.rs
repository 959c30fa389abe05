//! The word that the kernel releases when its owner dies: what is common to every lock in shared memory.

use std::sync::atomic::Ordering::Relaxed;

use crate::futex::Futex;
use crate::primitive::{AtomicU32, AtomicU64, AtomicUsize};
use crate::watch::numbered;

/// The owner's thread number; 0: free.
pub(crate) const OWNER: u32 = DIED - 1;
/// Set by the kernel: the owner has died.
pub(crate) const DIED: u32 = 1 << 30;
/// Somebody may sleep: who releases has to wake.
pub(crate) const WAITERS: u32 = 1 << 31;

/// A mode: the lock's memory is reached by one process only.
pub(crate) const PRIVATE: u32 = 0;
/// A mode: the lock lies in shared memory, at its final address.
pub(crate) const ROBUST: u32 = 1;

/// How many bits the mode takes, with [`NAMED`]. Above them stands the number of the lock, with the feature `watch`; else 0.
#[cfg(all(feature = "watch", not(multiproc_loom)))]
pub(crate) const MODE_BITS: u32 = 2;
/// Beside the mode, with the feature `watch`: the lock has a name.
#[cfg(all(feature = "watch", not(multiproc_loom)))]
pub(crate) const NAMED: u32 = 2;
/// What of its word is the mode.
const MODE: u32 = if cfg!(all(feature = "watch", not(multiproc_loom))) { 1 } else { u32::MAX };

/// From a node to its word, as glibc has it on 64-bit machines, and so the kernel for all robust words of a thread.
#[cfg(not(multiproc_loom))]
pub(crate) const OFFSET: isize = -32;

/// The head of every lock: 40 bytes, the same in private and in shared memory.
///
/// ```text
///  0  word    u32    owner's thread number | DIED | WAITERS, if robust; else 0 free, 1 held, 2 held and slept on
///  4  mode    u32    0 private, 1 robust; above, if somebody watches it, 2 if it has a name, and its number; else 0
///  8  state   u32    POISONED | INCONSISTENT | ABANDONED
/// 12  depth   u32    how often its owner has a reentrant mutex; else 0
/// 16  owner   u64    who has a guard, as an Owner; 0: nobody
/// 24  prev    usize  the node before, an address in the owner's process
/// 32  next    usize  the node after, the kernel's way along the list; if private, a number for records if somebody watches it, else 0
/// ```
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RobustWord {
    pub(crate) word: Futex,
    pub(crate) mode: AtomicU32,
    pub(crate) state: AtomicU32,
    pub(crate) depth: AtomicU32,
    pub(crate) owner: AtomicU64,
    pub(crate) prev: AtomicUsize,
    pub(crate) next: AtomicUsize,
}

#[cfg(not(multiproc_loom))]
const _: () = {
    use std::mem::{offset_of, size_of};
    assert!(size_of::<RobustWord>() == 40);
    assert!(offset_of!(RobustWord, word) as isize - offset_of!(RobustWord, next) as isize == OFFSET);
    // libc finds the neighbour's `prev` right before its `next`.
    assert!(offset_of!(RobustWord, next) - offset_of!(RobustWord, prev) == size_of::<usize>());

    use crate::registry::inspect::layout::lock;
    assert!(size_of::<RobustWord>() == lock::HEAD_LEN);
    assert!(offset_of!(RobustWord, word) == lock::WORD && offset_of!(RobustWord, mode) == lock::MODE);
    assert!(offset_of!(RobustWord, state) == lock::STATE && offset_of!(RobustWord, owner) == lock::OWNER);
    #[cfg(feature = "watch")]
    assert!(MODE_BITS == lock::MODE_BITS);
};

impl RobustWord {
    /// Whether it is a lock for the threads of this process.
    #[inline(always)]
    pub(crate) fn is_private(&self) -> bool {
        self.mode.load(Relaxed) & MODE == PRIVATE
    }

    /// The same lock where it is placed: nobody has it, and what is known of its data holds on.
    pub(crate) fn placed(&self) -> Self {
        let placed = Self::new();
        placed.state.store(self.state.load(Relaxed), Relaxed);
        placed.mode.store(numbered(self), Relaxed);
        placed
    }

    #[cfg(not(multiproc_loom))]
    pub(crate) const fn new() -> Self {
        Self {
            word: Futex::new(0),
            mode: AtomicU32::new(0),
            state: AtomicU32::new(0),
            depth: AtomicU32::new(0),
            owner: AtomicU64::new(0),
            prev: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
        }
    }

    #[cfg(multiproc_loom)]
    pub(crate) fn new() -> Self {
        Self {
            word: Futex::new(0),
            mode: AtomicU32::new(0),
            state: AtomicU32::new(0),
            depth: AtomicU32::new(0),
            owner: AtomicU64::new(0),
            prev: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
        }
    }
}

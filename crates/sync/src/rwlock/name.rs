//! The name of a thread among those of its process.

#[cfg(multiproc_loom)]
use crate::primitive::this_thread;
#[cfg(not(multiproc_loom))]
use {crate::primitive::AtomicU64, std::cell::Cell, std::sync::atomic::Ordering::Relaxed};

#[cfg(not(multiproc_loom))]
thread_local! {
    /// 0: none yet.
    static NAME: Cell<u64> = const { Cell::new(0) };
}

/// The name of the calling thread, which no other one of the process ever has. It looks like no name in a family; and threads that began
/// one after the other, by number, try slots of their own first.
#[cfg(not(multiproc_loom))]
#[inline(always)]
pub(super) fn in_process() -> u64 {
    match NAME.get() {
        0 => named(),
        name => name,
    }
}

/// As outside of models, where the model checker has numbered the threads.
#[cfg(multiproc_loom)]
pub(super) fn in_process() -> u64 {
    this_thread() as u64
}

#[cfg(not(multiproc_loom))]
#[cold]
#[inline(never)]
fn named() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let number = LAST.fetch_add(1, Relaxed) + 1;
    // 48 bits, of which those that change most come where a thread of a family has its index.
    let name = (number & 0xffff_ffff) << 16 | (number >> 32 & 0xffff);
    NAME.set(name);
    name
}

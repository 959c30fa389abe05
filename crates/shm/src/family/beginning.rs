//! One beginning of a family at a time, also where the process forks in the middle of one. `unsafe`: a guard that is kept from one
//! hook to the next.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sys;

/// Held while a family is begun, joined or mapped; and during forks, so that a child finds no beginning that was left by a thread
/// which is not there.
static BEGINNING: Mutex<()> = Mutex::new(());

/// The right to begin, join or map this process's family.
pub(super) type Beginning = MutexGuard<'static, ()>;

/// The guard of [`BEGINNING`] during a fork. In no thread-local: destructors fork too.
static DURING_FORK: DuringFork = DuringFork(UnsafeCell::new(None));

struct DuringFork(UnsafeCell<Option<Beginning>>);

// SAFETY: touched only by the thread that holds `BEGINNING`, between its two hooks.
unsafe impl Sync for DuringFork {}

/// Waits until no other thread is at it.
pub(super) fn begin() -> Beginning {
    sys::fork::hooked();
    BEGINNING.lock().unwrap_or_else(PoisonError::into_inner) // it guards nothing that could be half done
}

/// In the thread that forks.
pub(crate) extern "C" fn before_a_fork() {
    let beginning = begin();
    // SAFETY: this thread holds `BEGINNING` now.
    unsafe { *DURING_FORK.0.get() = Some(beginning) };
}

/// In the thread that has forked, and in the child.
pub(crate) extern "C" fn after_a_fork() {
    // SAFETY: this thread holds `BEGINNING`, by `before_a_fork`.
    drop(unsafe { (*DURING_FORK.0.get()).take() });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
    use std::thread;

    use multiproc_testkit::Watchdog;
    use multiproc_testkit::fork::{fork, reap};

    use super::*;

    /// Threads begin without pause while another forks: each child can begin as well.
    #[test]
    fn a_fork_in_the_middle_of_a_beginning_leaves_a_free_one() {
        let _watchdog = Watchdog::with_limit(60);
        let stop = AtomicBool::new(false);
        let begun = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        let beginning = begin();
                        begun.fetch_add(1, Relaxed);
                        drop(beginning);
                    }
                });
            }
            for _ in 0..200 {
                assert_eq!(reap(fork(|| drop(begin()))), 0);
            }
            stop.store(true, Relaxed);
        });
        assert!(begun.load(Relaxed) > 0);
        drop(begin());
    }
}

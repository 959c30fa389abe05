//! One beginning of a family at a time, also where the process forks in the middle of one.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering::Acquire, Ordering::Release};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::sys;

/// Held while a family is begun, joined or mapped.
static BEGINNING: Mutex<()> = Mutex::new(());

/// The right to begin, join or map this process's family.
pub(super) type Beginning = MutexGuard<'static, ()>;

thread_local! {
    /// While the thread forks: nobody is in the middle of a beginning then, so that the child finds none that a thread has left
    /// which is not there.
    static FORKING: Cell<Option<Beginning>> = const { Cell::new(None) };
}

/// Waits until no other thread is at it.
pub(super) fn begin() -> Beginning {
    static HOOKED: AtomicBool = AtomicBool::new(false);
    // Two threads that come first at once both hook it: the hooks can be called twice.
    if !HOOKED.load(Acquire) {
        sys::fork::around_forks(before, after);
        HOOKED.store(true, Release);
    }
    lock()
}

fn lock() -> Beginning {
    BEGINNING.lock().unwrap_or_else(PoisonError::into_inner) // it guards nothing that could be half done
}

/// In the thread that forks, before it does.
extern "C" fn before() {
    let held = FORKING.take();
    FORKING.set(Some(held.unwrap_or_else(lock)));
}

/// In the thread that has forked, and in the child.
extern "C" fn after() {
    drop(FORKING.take());
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;
    use std::sync::atomic::Ordering::Relaxed;
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

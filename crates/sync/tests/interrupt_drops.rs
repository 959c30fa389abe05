//! A hook that drops an outer guard of the lock that its thread has let go for a wait: whoever has the lock by then has it as before.
#![allow(clippy::disallowed_types)] // flags beside the mutex, not the mutex

mod common;
mod signals;

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;

use common::{flag, fork, share};
use multiproc_sync::{Condvar, LockError, ReentrantMutex, ReentrantMutexGuard, interrupt};
use multiproc_testkit::{Watchdog, eventually};
use signals::{ends_by_signals, handle, is_pending, notes};

type Number = ReentrantMutex<AtomicU64>;
type Guard<'a> = ReentrantMutexGuard<'a, AtomicU64>;

thread_local! {
    static KEPT: RefCell<Option<Guard<'static>>> = const { RefCell::new(None) };
}

static DROPPED: AtomicU32 = AtomicU32::new(0);

fn drops() -> ControlFlow<()> {
    // Not before another has the lock.
    if is_pending() && DROPPED.load(SeqCst) == 1 {
        drop(KEPT.take());
        DROPPED.store(2, SeqCst);
    }
    ControlFlow::Continue(())
}

/// Has the lock at as many levels as the guard that is dropped had when it was taken.
fn has_it_meanwhile(mutex: &'static Number, come: &Condvar) {
    let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
    DROPPED.store(1, SeqCst);
    eventually("the hook has dropped a guard", || DROPPED.load(SeqCst) == 2);
    assert_eq!(Guard::depth(&inner), 2);
    drop(inner);
    assert_eq!(Guard::depth(&outer), 1);
    let refused = thread::spawn(|| matches!(mutex.try_lock(), Err(LockError::TimedOut)));
    assert!(refused.join().unwrap(), "it is held");
    outer.store(1, SeqCst);
    come.notify_all();
}

#[test]
fn a_guard_that_the_hook_drops_is_none_of_another_threads() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let number = || ReentrantMutex::new(AtomicU64::new(0));
    let private = Box::leak(Box::new((number(), Condvar::new())));
    for (mutex, come) in [(&private.0, &private.1), (share(number()), share(Condvar::new()))] {
        let is_over = flag();
        let waits = fork(|| {
            interrupt::install(drops).unwrap();
            let outer = mutex.lock().unwrap();
            KEPT.set(Some(mutex.lock().unwrap()));
            let inner = mutex.lock().unwrap();
            let other = thread::spawn(|| has_it_meanwhile(mutex, come));
            drop(come.wait_while(inner, |n| n.load(SeqCst) == 0).unwrap());
            assert!(mutex.is_held_by_this_thread());
            drop(outer);
            other.join().unwrap();
            is_over.store(1, SeqCst);
        });
        assert!(ends_by_signals(waits));
        assert_eq!(is_over.load(SeqCst), 1);
    }
}

//! A hook that takes the lock which its thread waits for, and keeps a guard: the thread has one guard more of what it has.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod common;
mod signals;

use std::mem;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use common::{flag, fork, reap, share};
use multiproc_sync::{Condvar, ReentrantMutex, ReentrantMutexGuard, RwLock, interrupt};
use multiproc_testkit::{Watchdog, eventually};
use signals::{handle, is_pending, notes, signal_until};

/// What the hook does once, and what it says and hears meanwhile.
static HOOK: OnceLock<(fn(), &'static AtomicU32)> = OnceLock::new();
const ASKED: u32 = 1;
const RELEASED: u32 = 2;
const KEPT: u32 = 3;

fn keeps() -> ControlFlow<()> {
    let (keep, stage) = HOOK.get().unwrap();
    if is_pending() && stage.compare_exchange(0, ASKED, SeqCst, SeqCst).is_ok() {
        eventually("it is released", || stage.load(SeqCst) == RELEASED);
        keep();
        stage.store(KEPT, SeqCst);
    }
    ControlFlow::Continue(())
}

/// A process that waits as `waits` does for the guard that `hold` gives; when that is dropped, its hook does what `keep` does.
fn kept_in_a_wait<G>(waits: impl FnOnce(), keep: fn(), hold: impl FnOnce() -> G) {
    let stage = flag();
    let waiter = fork(|| {
        assert!(HOOK.set((keep, stage)).is_ok());
        interrupt::install(keeps).unwrap();
        waits();
    });
    let held = hold();
    signal_until(&waiter, || stage.load(SeqCst) == ASKED);
    drop(held);
    stage.store(RELEASED, SeqCst);
    assert_eq!(reap(waiter), 0);
    assert_eq!(stage.load(SeqCst), KEPT);
}

static READ: OnceLock<&RwLock<u64, 1>> = OnceLock::new();

/// There is one slot, and the thread has it when its wait goes on.
#[test]
fn who_waits_to_read_does_not_wait_for_its_own_slot() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let lock = READ.get_or_init(|| share(RwLock::with_readers(0)));
    let guard = lock.write().unwrap();
    let waits = || {
        let guard = lock.read().unwrap();
        assert_eq!(lock.readers(), 1);
        drop(guard);
        assert_eq!(lock.readers(), 1, "the other guard is kept");
    };
    kept_in_a_wait(waits, || mem::forget(READ.get().unwrap().read().unwrap()), || guard);
    assert!(lock.try_write().is_ok());
}

type Number = ReentrantMutex<AtomicU64>;
type Guard<'a> = ReentrantMutexGuard<'a, AtomicU64>;

static LOCKED: OnceLock<&Number> = OnceLock::new();

#[test]
fn who_waits_for_a_reentrant_mutex_has_it_once_more() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let mutex = LOCKED.get_or_init(|| share(ReentrantMutex::new(AtomicU64::new(0))));
    let keep = || mem::forget(LOCKED.get().unwrap().lock().unwrap());
    let guard = mutex.lock().unwrap();
    let waits = || {
        let guard = mutex.lock().unwrap();
        assert_eq!(Guard::depth(&guard), 2);
    };
    kept_in_a_wait(waits, keep, || guard);
    let mut guard = mutex.lock().unwrap_err().into_guard().expect("its owner ended with it");
    Guard::mark_consistent(&mut guard);
    drop(guard);
    // In a wait with two levels that has been notified, and waits for the mutex.
    let (come, waiting) = (share(Condvar::new()), flag());
    let waits = || {
        let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
        waiting.store(1, SeqCst);
        let inner = come.wait_while(inner, |n| n.load(SeqCst) == 0).unwrap();
        assert_eq!(Guard::depth(&inner), 3);
        drop((inner, outer));
        assert!(mutex.is_held_by_this_thread());
    };
    let notify = || {
        eventually("it has the mutex", || waiting.load(SeqCst) == 1);
        let guard = mutex.lock().unwrap();
        guard.store(1, SeqCst);
        come.notify_all();
        guard
    };
    kept_in_a_wait(waits, keep, notify);
}

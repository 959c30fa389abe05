//! What a guard that came along into a fork may do to its parent's lock: nothing. `unsafe`: copies of guards.
#![allow(unsafe_code)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{fork, kill, reap, share};
use multiproc_sync::{LockError, Mutex, MutexGuard};
use multiproc_testkit::{Watchdog, eventually};

/// Has a fork do something with its copy of a guard; gives the lock, which has been released since.
fn with_a_copy(body: impl FnOnce(MutexGuard<'static, u64>)) -> &'static Mutex<u64> {
    let mutex = share(Mutex::new(0_u64));
    let guard = mutex.lock().unwrap();
    let child = fork(|| {
        // SAFETY: a bitwise copy of the guard, as the fork has one; the parent's is another process's.
        body(unsafe { std::ptr::read(&raw const guard) });
    });
    assert_eq!(reap(child), 0);
    drop(guard);
    mutex
}

#[test]
fn a_panic_of_a_fork_does_not_poison_what_its_parent_has_locked() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = with_a_copy(|copy| {
        let panics = catch_unwind(AssertUnwindSafe(|| {
            let _copy = copy;
            panic!("in the fork");
        }));
        assert!(panics.is_err());
    });
    let told = mutex.lock();
    assert!(told.is_ok(), "nobody panicked who had the lock: {told:?}");
}

#[test]
fn a_fork_cannot_abandon_what_its_parent_has_locked() {
    let _watchdog = Watchdog::with_limit(60);
    let told = with_a_copy(MutexGuard::abandon).lock();
    assert!(told.is_ok(), "who had the lock did not give it up: {told:?}");
}

#[test]
fn a_fork_cannot_call_consistent_what_its_parent_has_not_mended() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    let dies = fork(|| std::mem::forget(mutex.lock().unwrap()));
    eventually("it has the lock", || mutex.is_locked() || mutex.try_lock().is_err());
    kill(dies);
    let Err(LockError::OwnerDied(guard)) = mutex.lock() else { panic!("its owner died") };
    let child = fork(|| {
        // SAFETY: as in `with_a_copy`.
        let mut copy = unsafe { std::ptr::read(&raw const guard) };
        MutexGuard::mark_consistent(&mut copy);
    });
    assert_eq!(reap(child), 0);
    drop(guard);
    let told = mutex.lock();
    assert!(matches!(told, Err(LockError::OwnerDied(_))), "nobody mended it: {told:?}");
}

//! Guards that are forgotten, leaked, forked or too many: each is harmless. `unsafe`: guards are
//! copied bit by bit, as a fork has them.
#![allow(unsafe_code)]

mod common;

use std::mem;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use common::{fork, idle, is_mapped, kill, reap, send};
use multiproc_shm::Shared;
use multiproc_sync::{LockError, MAX_HELD, Mutex};
use multiproc_testkit::{Watchdog, eventually};

fn lock(value: u64) -> Shared<Mutex<u64>> {
    Shared::new(Mutex::new(value)).unwrap()
}

fn address<T>(value: &T) -> usize {
    std::ptr::from_ref(value) as usize
}

#[test]
fn memory_with_a_forgotten_guard_stays_mapped() {
    let _watchdog = Watchdog::with_limit(60);
    let (doomed, other) = (lock(0), lock(0));
    let at = address(&*doomed);
    mem::forget(doomed.lock().unwrap());
    drop(doomed);
    assert!(is_mapped(at));
    // The thread's list goes through the forgotten lock, and on.
    for _ in 0..100 {
        *other.lock().unwrap() += 1;
    }
    assert_eq!(*other.lock().unwrap(), 100);
    assert!(is_mapped(at));
}

/// The kernel walks the list of a thread that ends, through memory that nobody refers to any more.
#[test]
fn a_thread_may_end_after_it_forgot_a_guard_and_its_memory() {
    let _watchdog = Watchdog::with_limit(60);
    let other = lock(0);
    let theirs = other.clone();
    let forgets = thread::spawn(move || {
        let doomed = lock(0);
        mem::forget(doomed.lock().unwrap());
        drop(doomed);
        drop(theirs.lock().unwrap());
    });
    forgets.join().unwrap();
    assert!(other.lock().is_ok());
}

/// The negative control: without a guard it is unmapped.
#[test]
fn memory_without_a_guard_goes() {
    let _watchdog = Watchdog::with_limit(60);
    eventually("unmapped", || {
        let doomed = lock(0);
        let at = address(&*doomed);
        drop(doomed.lock().unwrap());
        drop(doomed);
        !is_mapped(at) // or mapped again by another test's thread
    });
}

#[test]
fn a_leaked_guard_is_told_by_its_threads_end_and_then_by_its_processs() {
    let _watchdog = Watchdog::with_limit(60);
    let (shared, left) = (lock(0), Shared::new(AtomicU32::new(0)).unwrap());
    let theirs = send(&shared);
    let owner = fork(|| {
        let leaked: &'static Shared<Mutex<u64>> = Box::leak(Box::new(theirs.clone()));
        let leaks = thread::spawn(|| {
            Box::leak(Box::new(leaked.lock().unwrap()));
        });
        leaks.join().unwrap();
        left.store(1, SeqCst);
        idle();
    });
    eventually("the thread has left", || left.load(SeqCst) == 1);
    assert!(matches!(shared.lock(), Err(LockError::OwnerLeft)));
    kill(owner);
    assert!(matches!(shared.lock(), Err(LockError::OwnerDied(_))));
}

#[test]
fn a_fork_owns_no_guard_of_its_parent() {
    let _watchdog = Watchdog::with_limit(60);
    let shared = lock(0);
    let guard = shared.lock().unwrap();
    let child = fork(|| {
        // SAFETY: a bitwise copy of the guard, as the fork has one; the parent's is another process's.
        drop(unsafe { std::ptr::read(&raw const guard) });
        assert!(shared.is_locked());
        assert!(matches!(shared.try_lock(), Err(LockError::TimedOut)));
        assert!(matches!(send(&shared).try_lock(), Err(LockError::TimedOut)));
        // What the fork drops is its own mapping.
        let at = address(&*shared);
        // SAFETY: the copy of a handle that the parent keeps; not used again here.
        drop(unsafe { std::ptr::read(&raw const shared) });
        assert!(!is_mapped(at));
    });
    assert_eq!(reap(child), 0);
    assert!(shared.is_locked(), "the parent still has it");
    drop(guard);
    *shared.lock().unwrap() += 1;
}

#[test]
fn nested_locks_through_two_mappings() {
    let _watchdog = Watchdog::with_limit(60);
    let (a, b) = (lock(1), lock(2));
    let (first, second) = (a.lock().unwrap(), b.lock().unwrap());
    assert!(matches!(send(&a).lock(), Err(LockError::Deadlock(_))), "the same lock by another handle");
    drop(first);
    assert!(matches!(b.lock(), Err(LockError::Deadlock(_))));
    assert!(a.lock().is_ok());
    drop(second);
    assert!(b.lock().is_ok());
}

#[test]
fn no_thread_holds_more_than_the_limit() {
    let _watchdog = Watchdog::with_limit(60);
    let locks: Shared<[Mutex<u64>; MAX_HELD + 1]> = Shared::zeroed().unwrap();
    let guards: Vec<_> = locks[..MAX_HELD].iter().map(|lock| lock.lock().unwrap()).collect();
    assert!(matches!(locks[MAX_HELD].lock(), Err(LockError::TooManyHeld)));
    drop(guards);
    assert!(locks[MAX_HELD].lock().is_ok());
}

//! What safe code, or a process that ends badly, could do to a robust mutex: each is harmless. `unsafe`: ends threads and copies
//! guards behind the runtime's back.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;

use std::mem;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use common::{flag, fork, found_family, idle, kill, reap, share};
use multiproc_sync::{LockError, MAX_HELD, Mutex, MutexGuard, registry};
use multiproc_testkit::{Watchdog, eventually};

fn range<T>(value: &T) -> std::ops::Range<usize> {
    let start = std::ptr::from_ref(value) as usize;
    start..start + size_of::<T>()
}

#[test]
fn a_forgotten_guard_is_held_by_its_thread_and_keeps_its_memory() {
    let _watchdog = Watchdog::with_limit(60);
    let [first, second] = [share(Mutex::new(0_u64)), share(Mutex::new(0_u64))];
    mem::forget(first.lock().unwrap());
    assert!(matches!(first.lock(), Err(LockError::Deadlock(_))));
    assert!(matches!(first.try_lock(), Err(LockError::Deadlock(_))));
    assert!(registry::holds_within(&range(first)));
    assert!(!registry::holds_within(&range(second)));
    // The list goes through the forgotten lock, and on.
    for _ in 0..3 {
        *second.lock().unwrap() += 1;
    }
    assert_eq!(*second.lock().unwrap(), 3);
    assert!(!registry::holds_within(&range(second)));
}

/// The guard may be anywhere: its lock goes to nobody before the process's end.
#[test]
fn the_lock_of_a_thread_that_left_is_had_once_its_process_has_ended() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, left) = (share(Mutex::new(0_u64)), flag());
    let owner = fork(|| {
        let leaks = thread::spawn(|| mem::forget(mutex.lock().unwrap()));
        leaks.join().unwrap();
        left.store(1, SeqCst);
        idle();
    });
    eventually("the thread has left", || left.load(SeqCst) == 1);
    // Two of a kind: the error passes the wake-up on.
    thread::scope(|scope| {
        let tries = [(); 2].map(|()| scope.spawn(|| matches!(mutex.lock(), Err(LockError::OwnerLeft))));
        assert!(tries.into_iter().all(|refused| refused.join().unwrap()));
    });
    assert!(matches!(mutex.try_lock(), Err(LockError::OwnerLeft)));
    kill(owner);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
}

#[test]
fn a_leaked_guard_of_this_process_is_never_passed_on() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    let data = thread::spawn(|| {
        let guard = Box::leak(Box::new(mutex.lock().unwrap()));
        &mut **guard
    });
    let data = data.join().unwrap();
    assert!(matches!(mutex.lock(), Err(LockError::OwnerLeft)));
    *data = 1;
}

/// A thread that ends without order says nothing: its process is waited for, for three heartbeats.
#[test]
fn a_thread_that_ends_without_order_has_left_after_some_heartbeats() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, held) = (share(Mutex::new(0_u64)), flag());
    let owner = fork(|| {
        // SAFETY: ends the thread alone, past the runtime: its destructors do not run, and nothing of it is joined.
        thread::spawn(|| unsafe {
            mem::forget(mutex.lock().unwrap());
            held.store(1, SeqCst);
            libc::syscall(libc::SYS_exit, 0);
        });
        idle();
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerLeft)));
    kill(owner);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
}

#[test]
fn a_guard_in_a_fork_owns_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    let (outer, mutex) = (share(Mutex::new(0_u64)), share(Mutex::new(0_u64)));
    let _outer = outer.lock().unwrap();
    let guard = mutex.lock().unwrap();
    let child = fork(|| {
        // SAFETY: a bitwise copy of the guard, as the fork has one; the parent's is another process's.
        drop(unsafe { std::ptr::read(&raw const guard) });
        assert!(mutex.is_locked());
        assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)));
        assert!(matches!(outer.try_lock(), Err(LockError::TimedOut)));
        // It is a process of the family like any other.
        *share(Mutex::new(0_u64)).lock().unwrap() += 1;
    });
    assert_eq!(reap(child), 0);
    assert!(mutex.is_locked());
    drop(guard);
    *mutex.lock().unwrap() += 1;
}

/// The fork takes the lock anew, and then drops the guard that it took along from its parent.
#[test]
fn an_old_guard_in_a_fork_does_not_release_a_new_one() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, released) = (share(Mutex::new(0_u64)), flag());
    let guard = mutex.lock().unwrap();
    let child = fork(|| {
        // SAFETY: a bitwise copy of the guard, as the fork has one; the parent's is another process's.
        let old = unsafe { std::ptr::read(&raw const guard) };
        eventually("the parent has released it", || released.load(SeqCst) == 1);
        let new = mutex.lock().unwrap();
        drop(old);
        assert!(mutex.is_locked());
        drop(new);
        assert!(!mutex.is_locked());
    });
    drop(guard);
    released.store(1, SeqCst);
    assert_eq!(reap(child), 0);
    *mutex.lock().unwrap() += 1;
}

#[test]
fn a_fork_that_ends_takes_no_lock_of_its_parent_along() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    let guard = mutex.lock().unwrap();
    kill(fork(|| idle()));
    let waiter = fork(|| assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut))));
    assert_eq!(reap(waiter), 0);
    drop(guard);
    assert!(mutex.lock().is_ok());
}

#[test]
fn locks_are_released_in_any_order() {
    let _watchdog = Watchdog::with_limit(60);
    let locks: Vec<_> = (0..5).map(|_| share(Mutex::new(0_u64))).collect();
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]] {
        let mut guards: Vec<_> = locks.iter().map(|lock| Some(lock.lock().unwrap())).collect();
        for index in order {
            guards[index] = None;
            assert!(!registry::holds_within(&range(locks[index])));
            assert!(guards.iter().zip(&locks).all(|(guard, lock)| guard.is_some() == lock.is_locked()));
        }
    }
}

#[test]
fn what_is_known_of_the_data_goes_with_them_into_shared_memory() {
    let poisoned = Mutex::new(0_u64);
    let poison = || {
        let _guard = poisoned.lock().unwrap();
        panic!("with the guard");
    };
    thread::scope(|scope| _ = scope.spawn(poison).join().unwrap_err());
    assert!(matches!(share(poisoned).lock(), Err(LockError::Poisoned(_))));
    let abandoned = Mutex::new(0_u64);
    MutexGuard::abandon(abandoned.lock().unwrap());
    assert!(matches!(share(abandoned).lock(), Err(LockError::Abandoned)));
    let forgotten = Mutex::new(0_u64);
    mem::forget(forgotten.lock().unwrap());
    assert!(share(forgotten).lock().is_ok());
}

#[test]
fn no_thread_holds_more_than_the_kernel_would_follow() {
    let _watchdog = Watchdog::with_limit(60);
    found_family(); // a fork could wait for a thread that was at it
    let owner = fork(|| {
        let locks = share([const { [const { AtomicU32::new(0) }; 16] }; 1]); // what a lock may stand beside
        let many: Vec<_> = (0..=MAX_HELD).map(|_| share(Mutex::new(0_u64))).collect();
        let guards: Vec<_> = many[..MAX_HELD].iter().map(|lock| lock.lock().unwrap()).collect();
        assert!(matches!(many[MAX_HELD].lock(), Err(LockError::TooManyHeld)));
        drop(guards);
        assert!(many[MAX_HELD].lock().is_ok());
        locks[0][0].store(1, SeqCst);
    });
    assert_eq!(reap(owner), 0);
}

#[test]
fn a_killed_owner_of_many_locks_loses_them_all() {
    let _watchdog = Watchdog::with_limit(60);
    let many: Vec<_> = (0..500).map(|_| share(Mutex::new(0_u64))).collect();
    let held = flag();
    let owner = fork(|| {
        let _guards: Vec<_> = many.iter().map(|lock| lock.lock().unwrap()).collect();
        held.store(1, SeqCst);
        idle();
    });
    eventually("all are held", || held.load(SeqCst) == 1);
    kill(owner);
    for lock in many {
        let Err(LockError::OwnerDied(mut guard)) = lock.lock() else { panic!("the owner died") };
        MutexGuard::mark_consistent(&mut guard);
    }
}

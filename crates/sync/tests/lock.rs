//! The lock that nobody owns, between threads and between processes.
#![allow(clippy::disallowed_types)] // counters beside the lock, not the lock

mod common;
mod torn;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{fork, idle, kill, reap, share};
use multiproc_sync::shm_safe::{ShmPlain, ShmSafe};
use multiproc_sync::{Lock, NotAcquired, WaitError};
use multiproc_testkit::{Watchdog, eventually, state_of};

static GLOBAL: Lock = Lock::new();

#[test]
fn threads_exclude_each_other() {
    let _watchdog = Watchdog::with_limit(60);
    let inside = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    GLOBAL.acquire().unwrap();
                    assert_eq!(inside.fetch_add(1, SeqCst), 0);
                    inside.fetch_sub(1, SeqCst);
                    GLOBAL.release().unwrap();
                }
            });
        }
    });
    assert!(!GLOBAL.is_locked());
}

#[test]
fn processes_exclude_each_other() {
    const ROUNDS: u32 = 10_000;
    let _watchdog = Watchdog::with_limit(60);
    let (lock, count): (&Lock, _) = (share(Lock::new()), common::flag());
    let work = || {
        for _ in 0..ROUNDS {
            let _held = lock.hold().unwrap();
            count.store(count.load(SeqCst) + 1, SeqCst);
        }
    };
    let other = fork(work);
    work();
    assert_eq!(reap(other), 0);
    assert_eq!(count.load(SeqCst), 2 * ROUNDS);
}

#[test]
fn a_held_lock_is_refused_at_once_or_in_time() {
    let lock = Lock::default();
    lock.acquire().unwrap();
    assert!(lock.is_locked());
    assert_eq!(lock.try_acquire(), Err(WaitError::TimedOut), "also to who has it");
    assert!(lock.try_hold().is_err());
    let (begun, timeout) = (Instant::now(), Duration::from_millis(30));
    assert_eq!(lock.acquire_timeout(timeout), Err(WaitError::TimedOut));
    assert!(lock.hold_timeout(timeout).is_err());
    assert!(begun.elapsed() >= 2 * timeout);
    assert_eq!(lock.acquire_deadline(begun), Err(WaitError::TimedOut));
    assert!(lock.hold_deadline(begun).is_err());
    lock.release().unwrap();
    assert_eq!(lock.acquire_timeout(Duration::MAX), Ok(()), "longer than a clock can say");
}

#[test]
fn a_free_lock_cannot_be_released() {
    let lock = Lock::new();
    assert_eq!(lock.release(), Err(NotAcquired));
    assert!(NotAcquired.to_string().contains("release it once for each time"));
    assert_eq!(lock.try_acquire(), Ok(()));
    assert_eq!(lock.try_acquire(), Err(WaitError::TimedOut), "one release too many frees it for two");
    lock.release().unwrap();
    assert_eq!(lock.release(), Err(NotAcquired));
}

/// Many release at once what was acquired once: one of them has.
#[test]
fn of_many_that_release_one_has() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = Lock::new();
    for _ in 0..500 {
        lock.acquire().unwrap();
        let accepted = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| accepted.fetch_add(u32::from(lock.release().is_ok()), SeqCst));
            }
        });
        assert_eq!((accepted.load(SeqCst), lock.is_locked()), (1, false));
    }
}

#[test]
fn another_process_may_release_it() {
    let _watchdog = Watchdog::with_limit(60);
    let lock: &Lock = share(Lock::new());
    lock.acquire().unwrap();
    let waiter = fork(|| lock.acquire().unwrap());
    eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    let releaser = fork(|| lock.release().unwrap());
    assert_eq!((reap(releaser), reap(waiter)), (0, 0));
    assert!(lock.is_locked(), "by a process that has ended");
    lock.release().unwrap();
}

#[test]
fn who_dies_with_it_leaves_it_locked_until_somebody_releases_it() {
    let _watchdog = Watchdog::with_limit(60);
    let lock: &Lock = share(Lock::new());
    let victim = fork(|| {
        let _held = lock.hold().unwrap();
        idle();
    });
    eventually("it has the lock", || lock.is_locked());
    kill(victim);
    assert_eq!(lock.acquire_timeout(Duration::from_millis(20)), Err(WaitError::TimedOut));
    lock.release().unwrap();
    assert_eq!(lock.acquire(), Ok(()));
}

#[test]
fn a_hold_in_a_fork_is_its_parents() {
    let lock: &Lock = share(Lock::new());
    let mut held = Some(lock.hold().unwrap());
    let child = fork(|| {
        drop(held.take());
        assert!(lock.is_locked());
    });
    assert_eq!(reap(child), 0);
    assert!(lock.is_locked());
    drop(held);
    assert!(!lock.is_locked());
}

#[test]
fn a_panic_releases_and_poisons_nothing() {
    let lock = Lock::new();
    thread::scope(|scope| {
        let dies = scope.spawn(|| {
            let _held = lock.hold().unwrap();
            panic!("with the lock");
        });
        dies.join().unwrap_err();
    });
    assert_eq!(lock.acquire(), Ok(()));
}

#[test]
fn a_forgotten_hold_is_somebody_elses_to_release() {
    let lock = Box::new(Lock::new());
    std::mem::forget(lock.hold().unwrap());
    let moved = *lock;
    assert!(moved.is_locked());
    moved.release().unwrap();
    assert_eq!(moved.acquire(), Ok(()));
}

#[test]
fn a_guard_whose_hold_was_released_changes_nothing_of_a_free_lock() {
    let lock = Lock::new();
    let held = lock.hold().unwrap();
    lock.release().unwrap();
    drop(held);
    assert!(!lock.is_locked());
}

/// Whatever bytes a damaged segment holds, operations on them end.
#[test]
fn torn_bytes_are_a_lock() {
    for word in [0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff_u32] {
        for pace in [0, 3, 0xffff_ffff] {
            let lock: Lock = torn::value([word, pace]);
            let free = (word ^ 1) & 0x7fff_ffff != 0;
            assert_eq!(lock.is_locked(), !free);
            assert_eq!(lock.acquire_timeout(Duration::from_millis(1)).is_ok(), free, "{word:#x}");
            let _ = lock.release();
            assert!(!lock.is_locked(), "{word:#x}");
        }
    }
}

/// As `Shared::zeroed` makes it, inside of what else is zeroed.
#[test]
fn zeroed_memory_is_a_free_lock() {
    let lock: Lock = torn::value([0, 0]);
    assert!(!lock.is_locked());
    assert_eq!(lock.release(), Err(NotAcquired));
    drop(lock.hold().unwrap());
    assert_eq!(lock.acquire(), Ok(()));
}

#[test]
fn it_is_small_shared_and_shown() {
    fn is_shared<T: Send + Sync + ShmSafe + ShmPlain>() -> usize {
        size_of::<T>()
    }
    assert_eq!(is_shared::<Lock>(), 8);
    let lock = Lock::new();
    assert_eq!(format!("{lock:?}"), "Lock { locked: false, .. }");
    let _held = lock.hold().unwrap();
    assert_eq!(format!("{lock:?}"), "Lock { locked: true, .. }");
}

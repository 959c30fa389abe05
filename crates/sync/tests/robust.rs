//! A mutex in shared memory, between processes that end in every way.
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use common::{fork, kill, reap, share};
use multiproc_sync::{LockError, Mutex, MutexGuard};
use multiproc_testkit::{Watchdog, eventually};

type Pair = Mutex<[u64; 2]>;

#[test]
fn two_processes_exclude_each_other() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex: &Pair = share(Mutex::new([0; 2]));
    let count = || {
        for _ in 0..100_000 {
            let mut pair = mutex.lock().unwrap();
            pair[0] += 1;
            assert_eq!(pair[0], pair[1] + 1);
            pair[1] += 1;
        }
    };
    let other = fork(count);
    count();
    assert_eq!(reap(other), 0);
    assert_eq!(*mutex.lock().unwrap(), [200_000; 2]);
}

#[test]
fn a_dead_owner_is_told_until_the_data_are_mended() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex: &Pair = share(Mutex::new([0; 2]));
    let held = share([const { AtomicU32::new(0) }; 1]);
    let owner = fork(|| {
        let mut pair = mutex.lock().unwrap();
        pair[0] = 1;
        held[0].store(1, SeqCst);
        loop {
            std::thread::park();
        }
    });
    eventually("the lock is held", || held[0].load(SeqCst) == 1);
    assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)));
    assert!(matches!(mutex.lock_timeout(Duration::from_millis(20)), Err(LockError::TimedOut)));
    kill(owner);
    let Err(LockError::OwnerDied(guard)) = mutex.lock() else { panic!("the owner died") };
    assert_eq!(*guard, [1, 0]);
    drop(guard);
    let Err(LockError::OwnerDied(mut guard)) = mutex.lock() else { panic!("not yet mended") };
    guard[0] = 0;
    MutexGuard::mark_consistent(&mut guard);
    drop(guard);
    assert_eq!(*mutex.lock().unwrap(), [0; 2]);
}

//! Who can hold locks in shared memory, and how often their names can be had.

mod common;

use std::thread;

use common::filter::forbid;
use common::{fork, reap, share};
use multiproc_sync::registry::{MAX_PROCESSES, MAX_THREADS};
use multiproc_sync::{AcquireError, IdentityError, LockError, Mutex, RobustSemaphore};
use multiproc_testkit::Watchdog;

#[test]
fn names_of_threads_that_left_are_used_again() {
    let _watchdog = Watchdog::with_limit(120);
    let mutex = share(Mutex::new(0_u64));
    for _ in 0..MAX_THREADS + 100 {
        thread::spawn(|| *mutex.lock().unwrap() += 1).join().unwrap();
    }
    assert_eq!(*mutex.lock().unwrap(), (MAX_THREADS + 100) as u64);
}

#[test]
fn names_of_processes_that_ended_are_used_again() {
    let _watchdog = Watchdog::with_limit(120);
    let mutex = share(Mutex::new(0_u64));
    for _ in 0..MAX_PROCESSES + 100 {
        assert_eq!(reap(fork(|| *mutex.lock().unwrap() += 1)), 0);
    }
    assert_eq!(*mutex.lock().unwrap(), (MAX_PROCESSES + 100) as u64);
}

/// As under an emulator, or a kernel without robust futexes.
#[test]
fn without_a_robust_list_locks_are_refused() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, semaphore) = (share(Mutex::new(0_u64)), share(RobustSemaphore::<1>::new()));
    let child = fork(|| {
        forbid(libc::SYS_get_robust_list);
        assert!(matches!(mutex.lock(), Err(LockError::Identity(IdentityError::NoRobustList))));
        assert!(!mutex.is_locked());
        let refused = AcquireError::Identity(IdentityError::NoRobustList);
        assert_eq!(semaphore.permit().map(drop), Err(refused));
        assert_eq!(semaphore.available(), 1);
    });
    assert_eq!(reap(child), 0);
}

/// As in a kernel before Linux 5.3.
#[test]
fn without_descriptors_of_processes_locks_are_refused() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, semaphore) = (share(Mutex::new(0_u64)), share(RobustSemaphore::<1>::new()));
    let child = fork(|| {
        forbid(libc::SYS_pidfd_open);
        assert!(matches!(mutex.lock(), Err(LockError::Identity(IdentityError::NoPidFd))));
        assert!(!mutex.is_locked());
        assert_eq!(semaphore.permit().map(drop), Err(AcquireError::Identity(IdentityError::NoPidFd)));
        assert_eq!(semaphore.available(), 1);
    });
    assert_eq!(reap(child), 0);
}

//! Processes that die where their end is hard to see: without descriptors, without descriptors of processes. `unsafe`: limits, and
//! threads that end behind the runtime's back.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;

use std::mem;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::filter::forbid;
use common::unseen::{kill_only, limit_descriptors};
use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{IdentityError, LockError, Mutex};
use multiproc_testkit::{Watchdog, eventually, state_of};

/// A process that holds the lock.
fn owner(mutex: &'static Mutex<u64>) -> Fork {
    let held = flag();
    let owner = fork(|| {
        mem::forget(mutex.lock().unwrap());
        held.store(1, SeqCst);
        idle();
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    owner
}

/// Runs `body` in a process of the family that can open so many descriptors.
fn with_descriptors(most: u64, body: impl FnOnce()) -> Fork {
    let mutex = share(Mutex::new(0_u64));
    fork(|| {
        drop(mutex.lock().unwrap());
        limit_descriptors(most);
        body();
    })
}

#[test]
fn without_descriptors_an_end_that_was_waited_for_is_seen() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    kill(owner(mutex));
    let locker = with_descriptors(0, || assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_)))));
    assert_eq!(reap(locker), 0);
}

#[test]
fn without_descriptors_the_end_of_a_child_is_seen() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    let locker = with_descriptors(u64::MAX, || {
        let owner = owner(mutex);
        kill_only(&owner);
        limit_descriptors(0);
        assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
        kill(owner);
    });
    assert_eq!(reap(locker), 0);
}

/// Nobody has waited for the end, and it is not for the locker to do so: nothing tells, and nothing is claimed.
#[test]
fn without_descriptors_nothing_is_claimed_of_other_processes() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    let owner = owner(mutex);
    kill_only(&owner);
    let locker = with_descriptors(0, || {
        assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)));
        assert!(matches!(mutex.lock_timeout(Duration::from_millis(20)), Err(LockError::TimedOut)));
        let Err(error @ LockError::Identity(IdentityError::OwnerUnseen)) = mutex.lock() else {
            panic!("something is claimed of it")
        };
        assert!(error.to_string().contains("leave descriptors free"), "{error}");
        limit_descriptors(u64::MAX);
        assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
    });
    assert_eq!(reap(locker), 0);
    kill(owner);
}

/// The last descriptor opens the process: none is left to see whether it is the same one, and where it goes.
#[test]
fn with_one_descriptor_nothing_is_claimed_of_a_process_that_lives() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, held) = (share(Mutex::new(0_u64)), flag());
    let owner = fork(|| {
        thread::spawn(|| vanish_with(mutex, held));
        idle();
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    let locker = with_descriptors(u64::MAX, || {
        // SAFETY: a descriptor of the fork's, made for its number and not used.
        let next = unsafe { libc::dup(0) };
        limit_descriptors(u64::try_from(next).unwrap() + 1);
        // SAFETY: as above.
        assert_eq!(unsafe { libc::close(next) }, 0);
        assert!(matches!(mutex.lock(), Err(LockError::Identity(IdentityError::OwnerUnseen))));
    });
    assert_eq!(reap(locker), 0);
    kill(owner);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
}

/// Ends the calling thread with the lock, past the runtime: its destructors do not run.
fn vanish_with(mutex: &Mutex<u64>, held: &AtomicU32) -> ! {
    mem::forget(mutex.lock().unwrap());
    held.store(1, SeqCst);
    // SAFETY: ends the thread alone; nothing of it is joined.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("the thread has ended");
}

/// Runs `body` in a process of the family that cannot open processes as descriptors any more.
fn without_pidfds(body: impl FnOnce()) -> Fork {
    with_descriptors(u64::MAX, || {
        forbid(libc::SYS_pidfd_open);
        body();
    })
}

#[test]
fn without_pidfds_ends_are_seen() {
    let _watchdog = Watchdog::with_limit(60);
    let [waited_for, not_waited_for] = [share(Mutex::new(0_u64)), share(Mutex::new(0_u64))];
    kill(owner(waited_for));
    let owner = owner(not_waited_for);
    kill_only(&owner);
    let locker = without_pidfds(|| {
        assert!(matches!(waited_for.lock(), Err(LockError::OwnerDied(_))));
        assert!(matches!(not_waited_for.lock(), Err(LockError::OwnerDied(_))));
    });
    assert_eq!(reap(locker), 0);
    kill(owner);
}

/// It looks like a process that has ended and not been waited for, but for its other thread.
#[test]
fn without_pidfds_a_process_lives_as_long_as_any_of_its_threads() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, held) = (share(Mutex::new(0_u64)), flag());
    let owner = fork(|| {
        thread::spawn(|| idle());
        vanish_with(mutex, held);
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    eventually("the first thread has ended", || state_of(owner.pid()) == Some('Z'));
    let locker = without_pidfds(|| assert!(matches!(mutex.lock(), Err(LockError::OwnerLeft))));
    assert_eq!(reap(locker), 0);
    let waits = without_pidfds(|| assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_)))));
    kill(owner);
    assert_eq!(reap(waits), 0);
}

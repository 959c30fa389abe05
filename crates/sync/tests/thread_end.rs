//! Locks and identity at a thread's end, and at its process's: what runs in destructors of thread-locals. `unsafe`: forks.
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;

use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use common::{fork, reap, share};
use multiproc_sync::{LockError, Mutex, MutexGuard};
use multiproc_testkit::{Watchdog, eventually};

type Lock = &'static Mutex<u64>;

thread_local! {
    static KEPT: RefCell<Option<MutexGuard<'static, u64>>> = const { RefCell::new(None) };
    static LATE: RefCell<Option<Locks>> = const { RefCell::new(None) };
}

/// Takes and releases a lock when it is dropped.
struct Locks(Lock);

impl Drop for Locks {
    fn drop(&mut self) {
        *self.0.lock().unwrap() += 1;
    }
}

/// The thread-local is there before the thread has its first lock, so that it goes last.
#[test]
fn a_guard_in_a_thread_local_is_released_with_it() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex: Lock = share(Mutex::new(0));
    let keeps = thread::spawn(move || {
        KEPT.with_borrow_mut(|kept| *kept = None);
        KEPT.with_borrow_mut(|kept| *kept = Some(mutex.lock().unwrap()));
    });
    keeps.join().unwrap();
    assert!(mutex.lock().is_ok());
}

/// More threads than a family has names for, one after the other.
#[test]
fn a_lock_taken_by_a_destructor_costs_no_name_for_good() {
    let _watchdog = Watchdog::with_limit(120);
    let mutex: Lock = share(Mutex::new(0));
    let threads = multiproc_sync::registry::MAX_THREADS as u64 + 50;
    for _ in 0..threads {
        let ends = thread::spawn(move || {
            LATE.with_borrow_mut(|late| *late = Some(Locks(mutex)));
            *mutex.lock().unwrap() += 1;
        });
        ends.join().unwrap();
    }
    assert_eq!(*mutex.lock().unwrap(), 2 * threads);
}

/// The owner ends with much memory to give back: for that time its thread is gone and its process is not.
#[test]
fn a_process_that_exits_with_a_guard_has_died() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, held): (Lock, _) = (share(Mutex::new(0)), &share([const { AtomicU32::new(0) }; 1])[0]);
    let owner = fork(|| {
        let ballast = vec![1_u8; 256 << 20];
        let _guard = mutex.lock().unwrap();
        held.store(1, SeqCst);
        eventually("a waiter", || held.load(SeqCst) == 2);
        std::process::exit(i32::from(ballast[7]) - 1);
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    held.store(2, SeqCst);
    let told = mutex.lock();
    assert!(matches!(told, Err(LockError::OwnerDied(_))), "{told:?}");
    assert_eq!(reap(owner), 0);
}

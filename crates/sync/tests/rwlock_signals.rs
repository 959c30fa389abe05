//! Signals that come to whoever waits for a lock to read or to write: the lock is as if it had not waited.

mod common;
mod signals;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use common::{fork, share};
use multiproc_sync::{LockError, RwLock, interrupt};
use multiproc_testkit::Watchdog;
use signals::{breaks_once, ends_by_signals, handle, notes, panics};

type Shared = &'static RwLock<u64, 1>;

/// A wait that a signal ends; whether it has.
type Wait = fn(Shared) -> bool;

/// What may be waited for, while this process writes, or else reads.
const WAITS: [(bool, Wait); 4] = [
    (true, |lock| matches!(lock.read(), Err(LockError::Interrupted))),
    (true, |lock| matches!(lock.write(), Err(LockError::Interrupted))),
    // For a slot, at the bell.
    (false, |lock| matches!(lock.read(), Err(LockError::Interrupted))),
    (false, |lock| matches!(lock.write(), Err(LockError::Interrupted))),
];

fn assert_free(lock: Shared) {
    assert_eq!((lock.readers(), lock.has_writer()), (0, false));
    assert!(lock.try_write().is_ok() && lock.try_read().is_ok());
}

fn held_while(writes: bool, lock: Shared, body: impl FnOnce()) {
    if writes {
        let _guard = lock.write().unwrap();
        body();
    } else {
        let _guard = lock.read().unwrap();
        body();
        // And who reads is not kept out by one who has given up.
        assert!(lock.try_read().is_ok());
    }
}

#[test]
fn a_signal_ends_whatever_waits() {
    let _watchdog = Watchdog::with_limit(120);
    handle(notes);
    for (writes, wait) in WAITS {
        let lock = share(RwLock::with_readers(0));
        held_while(writes, lock, || {
            let waiter = fork(|| {
                interrupt::install(breaks_once).unwrap();
                assert!(wait(lock));
            });
            assert!(ends_by_signals(waiter));
        });
        assert_free(lock);
    }
}

#[test]
fn a_hook_that_panics_leaves_nothing_held() {
    let _watchdog = Watchdog::with_limit(120);
    handle(notes);
    for (writes, wait) in WAITS {
        let lock = share(RwLock::with_readers(0));
        held_while(writes, lock, || {
            let waiter = fork(|| {
                interrupt::install(panics).unwrap();
                assert!(catch_unwind(AssertUnwindSafe(|| wait(lock))).is_err());
            });
            assert!(ends_by_signals(waiter));
        });
        assert_free(lock);
        assert!(!lock.is_poisoned());
    }
}

/// Behind a writer that lets a reader in first.
#[test]
fn a_writer_that_waits_for_its_turn_is_interrupted_too() {
    let _watchdog = Watchdog::with_limit(120);
    handle(notes);
    let lock: Shared = share(RwLock::with_readers(0));
    let guard = lock.write().unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| assert!(lock.read().is_ok()));
        let waiter = fork(|| {
            interrupt::install(breaks_once).unwrap();
            assert!(matches!(lock.write(), Err(LockError::Interrupted)));
        });
        assert!(ends_by_signals(waiter));
        drop(guard);
        reader.join().unwrap();
    });
    assert_free(lock);
}

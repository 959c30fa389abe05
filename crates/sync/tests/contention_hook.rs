//! A lock that is taken by the hook of a signal in the middle of a wait for another one: each is counted as if it were alone.
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;
mod signals;

use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use common::{flag, fork, reap, share};
use multiproc_sync::{Mutex, contention, interrupt};
use multiproc_testkit::{Watchdog, eventually, state_of};

/// What the hook locks and counts: set in the fork that installs it.
static INNER: OnceLock<&'static Mutex<u64>> = OnceLock::new();
static CALLS: OnceLock<&'static AtomicU32> = OnceLock::new();

fn locks_another() -> ControlFlow<()> {
    *INNER.get().unwrap().lock().unwrap() += 1;
    CALLS.get().unwrap().fetch_add(1, SeqCst);
    ControlFlow::Continue(())
}

/// Acquisitions, those that waited, and holds.
fn numbers(name: &str) -> [u64; 3] {
    let counts =
        contention::report().lock(name).unwrap_or_else(|| panic!("nothing is known of {name}")).total();
    [counts.acquisitions, counts.contended(), counts.holds.count()]
}

#[test]
fn what_a_hook_locks_has_not_waited_and_the_wait_around_it_has() {
    let _watchdog = Watchdog::with_limit(60);
    let [outer, inner] = [share(Mutex::new(0)), share(Mutex::new(0))];
    outer.set_name("outer").unwrap();
    inner.set_name("inner").unwrap();
    let (begun, calls) = (flag(), flag());
    let guard = outer.lock().unwrap();
    let waiter = fork(|| {
        INNER.set(inner).unwrap();
        CALLS.set(calls).unwrap();
        signals::handle(signals::notes);
        interrupt::install(locks_another).unwrap();
        begun.store(1, SeqCst);
        drop(outer.lock().unwrap());
    });
    eventually("it sleeps", || begun.load(SeqCst) == 1 && state_of(waiter.pid()) == Some('S'));
    signals::signal_until(&waiter, || calls.load(SeqCst) > 1);
    drop(guard);
    assert_eq!(reap(waiter), 0);
    assert_eq!(numbers("outer"), [2, 1, 2]);
    let calls = u64::from(calls.load(SeqCst));
    assert_eq!(numbers("inner"), [calls, 0, calls]);
}

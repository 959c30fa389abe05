//! A wait for a condition that ends while it takes the mutex again, in another way than with a guard. `unsafe`: signals, and a condition
//! variable's word that is read behind its back.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // a word of the condition variable, not the variable

mod common;
mod signals;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use common::{Fork, fork, reap, share};
use multiproc_sync::{Condvar, Mutex, interrupt};
use multiproc_testkit::{Watchdog, eventually};
use signals::{ends_by_signals, handle, notes, panics};

/// Whether the process sleeps on the word with which `value` begins.
fn sleeps_on<T>(value: &T, process: &Fork) -> bool {
    let call = format!("{} {:p} ", libc::SYS_futex, ptr::from_ref(value));
    fs::read_to_string(format!("/proc/{}/syscall", process.pid())).is_ok_and(|text| text.starts_with(&call))
}

/// How often somebody has notified, who had somebody to notify.
fn notifications(condvar: &Condvar) -> u32 {
    // SAFETY: the word comes first, and is an atomic; above two bits it counts.
    unsafe { &*ptr::from_ref(condvar).cast::<AtomicU32>() }.load(SeqCst) >> 2
}

/// The hook of a signal panics in one that was notified, before it has the mutex: another gets the notification, and does not wait
/// until its heartbeat.
#[test]
fn a_panic_passes_the_notification_on() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let (ready, changed) = (share(Mutex::new(0_u64)), share(Condvar::new()));
    let wait = || changed.wait_while(ready.lock().unwrap(), |ready| *ready == 0).map(drop);
    let one = fork(|| {
        interrupt::install(panics).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| _ = wait())).is_err());
    });
    eventually("it waits", || sleeps_on(changed, &one));
    let other = fork(|| wait().unwrap());
    eventually("the other waits", || sleeps_on(changed, &other));
    let mut guard = ready.lock().unwrap();
    changed.notify_one();
    let notified = notifications(changed);
    eventually("it is to have the mutex", || sleeps_on(ready, &one));
    assert!(ends_by_signals(one));
    assert_ne!(notifications(changed), notified, "it was passed on");
    *guard = 1;
    drop(guard);
    assert_eq!(reap(other), 0);
}

//! A hook that waits itself, as one may that locks a log.
#![allow(clippy::disallowed_types)] // a flag beside the locks, not a lock

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use multiproc_sync::{Event, Mutex, WaitError, interrupt};
use multiproc_testkit::{Watchdog, eventually};

static LOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
static NEVER: Event = Event::new();
static IN_HOOK: AtomicBool = AtomicBool::new(false);

fn hook() -> ControlFlow<()> {
    assert_eq!(NEVER.wait_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
    IN_HOOK.store(true, SeqCst);
    LOG.lock().unwrap().push("asked");
    ControlFlow::Continue(())
}

#[test]
fn a_hook_may_wait_and_is_not_asked_about_that() {
    let _watchdog = Watchdog::with_limit(60);
    interrupt::install(hook).unwrap();
    let log = LOG.lock().unwrap();
    thread::scope(|scope| {
        // Its hook waits for the log.
        let waiter = scope.spawn(|| Event::new().wait_timeout(Duration::from_millis(50)));
        eventually("its hook has waited once", || IN_HOOK.load(SeqCst));
        drop(log);
        assert_eq!(waiter.join().unwrap(), Err(WaitError::TimedOut));
    });
    assert!(LOG.lock().unwrap().contains(&"asked"));
}

//! A hook that waits itself, as one may that locks a log.

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use multiproc_sync::{Event, Mutex, WaitError, interrupt};
use multiproc_testkit::Watchdog;

static LOG: Mutex<Vec<&str>> = Mutex::new(Vec::new());
static NEVER: Event = Event::new();

fn hook() -> ControlFlow<()> {
    assert_eq!(NEVER.wait_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
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
        thread::sleep(Duration::from_millis(200));
        drop(log);
        assert_eq!(waiter.join().unwrap(), Err(WaitError::TimedOut));
    });
    assert!(LOG.lock().unwrap().contains(&"asked"));
}

//! Alarms beside the hook of signals: that may wait, and its waits are nobody's to end.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod common;

use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;

use common::alarmed::with_thread;
use multiproc_sync::interrupt::Alarm;
use multiproc_sync::{Event, WaitError, interrupt};
use multiproc_testkit::{Watchdog, eventually};

static ARMED: AtomicBool = AtomicBool::new(false);
static ASKED: Event = Event::new();
static GO: Event = Event::new();
static WAITED: OnceLock<Result<(), WaitError>> = OnceLock::new();
static TIMES: AtomicU32 = AtomicU32::new(0);

fn hook() -> ControlFlow<()> {
    TIMES.fetch_add(1, SeqCst);
    if ARMED.swap(false, SeqCst) {
        ASKED.set();
        WAITED.set(GO.wait()).unwrap();
    }
    ControlFlow::Continue(())
}

#[test]
fn an_alarm_ends_the_wait_and_not_those_of_its_hook() {
    let _watchdog = Watchdog::with_limit(60);
    interrupt::install(hook).unwrap();
    ARMED.store(true, SeqCst);
    let ended = with_thread(
        || Event::new().wait(),
        |alarm, _| {
            eventually("the hook is asked", || ASKED.is_set());
            alarm.raise();
            assert!(WAITED.get().is_none(), "the hook waits");
            GO.set();
        },
    );
    assert_eq!((ended, WAITED.get()), (Err(WaitError::Interrupted), Some(&Ok(()))));
    // One whose alarm is raised is not asked any more.
    thread::spawn(|| {
        Alarm::of_this_thread().raise();
        let before = TIMES.load(SeqCst);
        assert_eq!(Event::new().wait(), Err(WaitError::Interrupted));
        assert_eq!(TIMES.load(SeqCst), before);
    })
    .join()
    .unwrap();
}

//! Cancellation beside the hook of signals: each is told by its name.
#![allow(clippy::disallowed_types)] // what the hook says

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::interrupt;
use multiproc_testkit::Watchdog;
use multiproc_thread::{CancelToken, Timer, WaitError, sleep};

const HOUR: Duration = Duration::from_secs(3600);

static BREAKS: AtomicBool = AtomicBool::new(false);

fn hook() -> ControlFlow<()> {
    if BREAKS.load(SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

#[test]
fn a_signal_is_no_cancellation() {
    let _watchdog = Watchdog::with_limit(60);
    interrupt::install(hook).unwrap();
    let token = CancelToken::new();
    token.scope(|| {
        assert_eq!(sleep(Duration::from_millis(1)), Ok(()));
        BREAKS.store(true, SeqCst);
        assert_eq!((sleep(HOUR), token.wait()), (Err(WaitError::Interrupted), Err(WaitError::Interrupted)));
        // Which ends no timer.
        let timer = Timer::once(Duration::from_millis(5), || ());
        timer.start().unwrap();
        assert_eq!(interrupt::masked(|| timer.join()).unwrap(), Some(()));
        token.cancel();
        assert_eq!(sleep(HOUR), Err(WaitError::Cancelled));
    });
    assert_eq!(sleep(HOUR), Err(WaitError::Interrupted));
}

//! Models of a timer that is cancelled.

use std::sync::Arc;

use multiproc_sync::primitive::Deadline;
use multiproc_sync::primitive::model::{check, thread};

use crate::cancel::CancelToken;
use crate::timer::timing::Timing;

/// The thread of a timer; gives whether it has fired.
fn timer(timing: &Arc<Timing>, due: &Deadline) -> thread::JoinHandle<bool> {
    let (timing, due) = (timing.clone(), due.clone());
    thread::spawn(move || timing.wait_until(Some(due)) && timing.begin_firing())
}

/// Either comes first, and both know which.
#[test]
fn cancelled_when_it_is_to_fire() {
    check(|| {
        let (timing, due) = (Arc::new(Timing::new(&CancelToken::new())), Deadline::new());
        let timer = timer(&timing, &due);
        due.pass();
        let in_time = timing.cancel();
        let fired = timer.join().unwrap();
        assert!(!(in_time && fired), "cancelled in time, and fired");
        assert!(in_time || fired, "nobody came first");
    });
}

/// One of them at the most was first; and one that was never due ends all the same.
#[test]
fn two_cancel() {
    check(|| {
        let (timing, due) = (Arc::new(Timing::new(&CancelToken::new())), Deadline::new());
        let timer = timer(&timing, &due);
        let theirs = timing.clone();
        let other = thread::spawn(move || {
            due.pass();
            theirs.cancel()
        });
        let in_time = [timing.cancel(), other.join().unwrap()];
        let fired = timer.join().unwrap();
        assert_ne!(in_time, [true; 2]);
        assert!(!(in_time.contains(&true) && fired), "cancelled in time, and fired");
    });
}

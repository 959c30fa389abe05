//! Who sleeps already when its process gets a family is seen by it, too.

mod circles;
mod common;

use std::thread;

use circles::Meeting;
use common::found_family;
use multiproc_sync::Mutex;
use multiproc_testkit::{Watchdog, eventually};
use std::time::{Duration, Instant};

/// The only test of its process: the family begins in the middle of it.
#[test]
fn a_wait_that_began_before_the_family() {
    let _watchdog = Watchdog::with_limit(60);
    let [first, second] = [Mutex::new(0), Mutex::new(0)];
    let second_held = second.lock().unwrap();
    let (meeting, told) = thread::scope(|scope| {
        let other = scope.spawn(|| {
            let _first = first.lock().unwrap();
            second.lock().is_ok()
        });
        eventually("it has the first lock", || first.is_locked());
        // Until it has looked once at who waits for whom: so many milliseconds cannot be waited for otherwise.
        let begun = Instant::now();
        eventually("it sleeps", || begun.elapsed() > Duration::from_millis(300));
        found_family();
        let begun = Instant::now();
        eventually("it has looked since", || begun.elapsed() > Duration::from_millis(600));
        let meeting = Meeting::of(1);
        let told = meeting.note(first.lock());
        drop(second_held);
        assert!(other.join().unwrap(), "it was there first");
        (meeting, told)
    });
    let report = told.expect("it has closed the circle");
    assert_eq!((meeting.told(), report.parties().len()), (1, 2), "{report}");
    assert!(
        report.parties().iter().all(|party| party.has.site.is_some() && party.wants.site.is_some()),
        "{report}"
    );
}

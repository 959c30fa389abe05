//! What a thread took before its process had a family is known to the family.

mod circles;
mod common;

use std::thread;

use circles::Meeting;
use common::share;
use multiproc_sync::{LockError, Mutex};
use multiproc_testkit::Watchdog;

/// The only test of its process: the family begins in the middle of it.
#[test]
fn locks_from_before_the_family() {
    let _watchdog = Watchdog::with_limit(60);
    let before = Mutex::new(0);
    before.set_name("from before").unwrap();
    let held = before.lock().unwrap();
    let placed = share(Mutex::new(0));
    let meeting = Meeting::of(2);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let _placed = placed.lock().unwrap();
            meeting.meet();
            meeting.note(before.lock())
        });
        meeting.meet();
        let ours = placed.lock();
        let report = match ours {
            Err(LockError::Deadlock(report)) => Some(report),
            Ok(_) => other.join().unwrap(), // it was told, and has ended
            Err(other) => panic!("{other}"),
        };
        let report = report.expect("one of the two");
        assert!(report.to_string().contains("`from before` (asked for at "), "{report}");
        assert!(report.parties().iter().all(|party| party.has.site.is_some()), "{report}");
        drop(held); // and the other one goes on, if it does still
    });
}

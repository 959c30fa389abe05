//! What is counted of named locks in a process that has no family yet. One test: the process has one afterwards.

mod common;

use common::{fork, found_family, reap};
use multiproc_sync::Mutex;
use multiproc_sync::contention;

/// Acquisitions and holds of the locks of this name.
fn numbers(name: &str) -> (u64, u64) {
    let counts =
        contention::report().lock(name).unwrap_or_else(|| panic!("nothing is known of {name}")).total();
    (counts.acquisitions, counts.holds.count())
}

/// Takes the lock so many times.
fn take(mutex: &Mutex<u64>, times: u64) {
    for _ in 0..times {
        *mutex.lock().unwrap() += 1;
    }
}

#[test]
fn what_was_counted_before_there_was_a_family_is_in_the_report() {
    let early = Mutex::new(0);
    early.set_name("early").unwrap();
    take(&early, 2);
    let child = fork(|| {
        take(&early, 3);
        assert_eq!(numbers("early"), (5, 5), "it goes on with what its parent has counted");
    });
    assert_eq!(reap(child), 0);
    assert_eq!(numbers("early"), (2, 2), "without a family each process counts for itself");

    let guard = early.lock().unwrap();
    found_family();
    drop(guard);
    take(&early, 3);
    assert_eq!(numbers("early"), (6, 6), "also a hold that was begun before");
    assert_eq!(contention::report().lock("early").map(|lock| lock.sites.len()), Some(2));

    let late = Mutex::new(0);
    late.set_name("late").unwrap();
    let child = fork(|| take(&late, 3));
    assert_eq!(reap(child), 0);
    assert_eq!(numbers("late"), (3, 3), "what a member counts is the family's");
}

//! A watchdog lets a test alone that is done in time, and ends one that is not.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use multiproc_testkit::{ChildTest, Signal, Watchdog, eventually, is_child};

#[test]
fn a_test_that_is_done_in_time_is_let_alone() {
    let name = "a_test_that_is_done_in_time_is_let_alone";
    if is_child(name) {
        drop(Watchdog::with_limit(60));
        return;
    }
    ChildTest::new(name).run().expect_pass();
}

#[test]
fn a_test_that_hangs_is_ended_with_a_report() {
    let name = "a_test_that_hangs_is_ended_with_a_report";
    if is_child(name) {
        hang();
    }
    let child = ChildTest::new(name).run();
    assert_eq!(child.status.signal(), Some(Signal::SIGABRT as i32), "{}", child.stderr);
    let report = &child.stderr;
    // The test and the place, every thread by its name, every descendant.
    for part in [
        "`the::test`, watched from crates/testkit/tests/watchdog.rs:",
        "is not done after 200ms",
        "(the::test), state S",
        "(stuck), state S",
        "(sleep), state S, child of ",
    ] {
        assert!(report.contains(part), "no {part:?} in:\n{report}");
    }
    eventually("the descendants are killed", || child.survivors().is_empty());
}

fn hang() -> ! {
    let mut sleep = Command::new("sleep").arg("1000").spawn().unwrap();
    let (begin, begun) = mpsc::channel();
    let stuck = move || {
        begin.send(()).unwrap();
        park_for_ever()
    };
    thread::Builder::new().name("stuck".to_owned()).spawn(stuck).unwrap();
    begun.recv().unwrap();
    // The harness names a test's thread by the test, unless it has but one thread.
    let test = || {
        let _watchdog = Watchdog::new(Duration::from_millis(200));
        park_for_ever()
    };
    thread::Builder::new().name("the::test".to_owned()).spawn(test).unwrap();
    sleep.wait().unwrap();
    park_for_ever()
}

fn park_for_ever() -> ! {
    loop {
        thread::park();
    }
}

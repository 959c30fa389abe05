//! A test in a process of its own: what it says, how it ends, what it leaves.

use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::time::Duration;

use multiproc_testkit::{
    ChildTest, Signal, children_of, eventually, holds_within, is_child, is_running, process_exists,
};

/// What `f` says when it fails, as it must.
fn failure(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("it must fail");
    *panic.downcast::<String>().expect("a message")
}

#[test]
fn what_it_wrote_and_its_code_are_kept() {
    let name = "what_it_wrote_and_its_code_are_kept";
    if is_child(name) {
        println!("to stdout: {}", std::env::var("WORD").unwrap());
        eprintln!("to stderr");
        std::process::exit(7);
    }
    let child = ChildTest::new(name).env("WORD", "given").run();
    assert_eq!(child.status.code(), Some(7));
    assert!(child.stdout.contains("to stdout: given\n"), "{}", child.stdout);
    assert!(child.stderr.contains("to stderr\n"), "{}", child.stderr);
    let failure = failure(|| drop(child.expect_pass()));
    assert!(failure.contains("to stderr"), "{failure}");
}

#[test]
fn a_test_that_fails_has_failed() {
    let name = "a_test_that_fails_has_failed";
    assert!(!is_child(name), "on purpose");
    assert_eq!(ChildTest::new(name).run().status.code(), Some(101));
}

#[test]
fn a_test_that_is_not_there_is_an_error() {
    let failure = failure(|| drop(ChildTest::new("a_test_that_nobody_wrote").run()));
    assert!(failure.contains("no test called `a_test_that_nobody_wrote`"), "{failure}");
}

#[test]
fn a_child_does_not_start_itself() {
    let name = "a_child_does_not_start_itself";
    let child = ChildTest::new(name).run();
    assert!(child.stderr.contains("would start itself without end"), "{}", child.stderr);
}

#[test]
fn it_is_heard_while_it_runs_and_can_be_killed() {
    let name = "it_is_heard_while_it_runs_and_can_be_killed";
    if is_child(name) {
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        println!("the cat is {}", cat.id());
        let open = cat.stdin.take();
        panic!("the cat ends before its input: {:?}, {open:?}", cat.wait());
    }
    let mut child = ChildTest::new(name).spawn();
    let cat: u32 = child.told("the cat is ").parse().unwrap();
    assert_eq!(child.descendants(), [cat]);
    assert_eq!(children_of(child.pid()), [cat]);

    child.signal(Signal::SIGKILL);
    let child = child.wait();
    assert_eq!(child.status.signal(), Some(Signal::SIGKILL as i32));
    // Its end of the pipe is closed, so nothing is left.
    eventually("the cat has ended", || child.survivors().is_empty());
}

#[test]
fn survivors_are_found_though_their_parent_is_gone_and_are_killed() {
    let name = "survivors_are_found_though_their_parent_is_gone_and_are_killed";
    if is_child(name) {
        println!("{}", Command::new("sleep").arg("1000").spawn().unwrap().id());
        return;
    }
    let child = ChildTest::new(name).run().expect_pass();
    let survivors = child.survivors();
    assert_eq!(survivors.len(), 1, "{}", child.stdout);
    drop(child);
    assert!(!is_running(survivors[0]));
}

#[test]
fn one_that_is_dropped_is_killed_and_reaped() {
    let name = "one_that_is_dropped_is_killed_and_reaped";
    if is_child(name) {
        hang();
    }
    let mut child = ChildTest::new(name).spawn();
    child.told("hangs");
    let pid = child.pid();
    assert!(is_running(pid));
    drop(child);
    assert!(!process_exists(pid));
}

#[test]
fn waiting_has_a_limit() {
    let name = "waiting_has_a_limit";
    if is_child(name) {
        hang();
    }
    let child = || ChildTest::new(name).limit(Duration::from_millis(20)).spawn();
    let failure_of_told = failure(|| drop(child().told("what it never says")));
    assert!(failure_of_told.contains("does not write \"what it never says\""), "{failure_of_told}");
    let failure_of_wait = failure(|| drop(child().wait()));
    assert!(failure_of_wait.contains("does not end within 20ms"), "{failure_of_wait}");
}

fn hang() -> ! {
    println!("hangs");
    holds_within(Duration::MAX, || false);
    unreachable!("nobody waits that long");
}

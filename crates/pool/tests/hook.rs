//! The entry hook is a fact of a whole process, so it is tested from programs of their own: the examples.

use std::process::{Command, Output};

use multiproc_testkit::Watchdog;

/// Runs an example, which `cargo test` has built beside this binary.
fn example(name: &str, arguments: &[&str]) -> Output {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    path.push("examples");
    path.push(name);
    assert!(path.exists(), "{} is missing: run `cargo build --examples`", path.display());
    // A marker that is left over in the environment, as in a program that a worker starts, is nobody's.
    let stale = "1 1 3:1";
    Command::new(path).args(arguments).env("MULTIPROC_CHILD", stale).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_missing_hook_is_refused_with_the_line_to_add() {
    let _watchdog = Watchdog::with_limit(60);
    let output = example("missing_hook", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("#[multiproc::main] above fn main"), "{}", text(&output.stdout));
}

#[test]
fn a_child_that_has_not_reached_the_hook_may_not_start_others() {
    let _watchdog = Watchdog::with_limit(60);
    let output = example("late_hook", &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "a worker answered 2\n");
    let seen: Vec<_> = text(&output.stderr).lines().map(String::from).collect();
    assert_eq!(seen.len(), 2, "the program and one child, no more: {seen:?}");
    assert!(seen[0].contains("has no entry hook"), "{seen:?}");
    assert!(seen[1].contains("has not reached its entry hook"), "{seen:?}");
}

#[test]
fn a_pool_whose_workers_cannot_begin_gives_up() {
    let _watchdog = Watchdog::with_limit(60);
    let output = example("late_hook", &["careless"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("exit code 70"), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("closed before the hook"), "{}", text(&output.stderr));
}

//! The program, run in a `/dev/shm` of its own for each test.
#![allow(dead_code)] // each test program uses some of it

use std::process::{Command, Output};

use multiproc_testkit::fork::{fork, reap};
use multiproc_testkit::mounts;
use multiproc_testkit::{Leaks, Watchdog};
use serde_json::Value;

/// Runs a test in a fork that sees a folder of named segments of its own, mounted with these options.
pub(crate) fn alone(options: &str, test: impl FnOnce()) {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = fork(|| {
        if !mounts::own_mounts() {
            return;
        }
        mounts::mount_new("tmpfs", "/dev/shm", options).unwrap();
        test();
    });
    assert_eq!(reap(child), 0);
    leaks.check();
}

pub(crate) fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_multiproc"))
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

/// What it prints where it succeeds in silence otherwise.
pub(crate) fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn listed(arguments: &[&str]) -> Value {
    serde_json::from_str(&printed(arguments)).unwrap()
}

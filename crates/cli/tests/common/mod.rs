//! The program, run in a `/dev/shm` of its own for each test. `unsafe`: capset(2), prctl(2).
#![allow(unsafe_code)]
#![allow(dead_code)] // each test program uses some of it

pub(crate) mod held;

use std::process::{Command, Output};

use multiproc_testkit::fork::{fork, reap};
use multiproc_testkit::mounts;
use multiproc_testkit::{Leaks, Watchdog};
use nix::libc;
use nix::unistd::geteuid;
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
        let_be_looked_at();
        test();
    });
    assert_eq!(reap(child), 0);
    leaks.check();
}

/// Has this process, and its forks, looked at by others of its user. Who has got mounts of his own without being root has more rights by that
/// than the program that is to look at him, and is shielded from it.
fn let_be_looked_at() {
    allow_tracers();
    if geteuid().is_root() {
        return;
    }
    const VERSION: u32 = 0x2008_0522;
    let (this, no_rights) = ([VERSION, 0], [0_u32; 6]);
    // SAFETY: both are of the sizes that the kernel reads in this version.
    assert_eq!(unsafe { libc::syscall(libc::SYS_capset, this.as_ptr(), no_rights.as_ptr()) }, 0);
    // SAFETY: a number is set in the kernel.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1) }, 0);
}

/// Lets others of its user ask the kernel what this process does, where they may ask of their own children alone otherwise. Forks are asked
/// for anew.
pub(crate) fn allow_tracers() {
    // SAFETY: a number is set in the kernel, which forgets it with the process. Where nothing restricts tracers it fails.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
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

//! A process forks while another of its threads locks for the first time: the child can lock too.

mod common;

use std::process::Command;
use std::sync::Barrier;
use std::thread;

use common::{fork, reap, share};
use multiproc_sync::Mutex;
use multiproc_testkit::Watchdog;

/// Set in the processes that the test starts, each for one first time.
const ONE_TIME: &str = "MULTIPROC_TEST_ONE_TIME";

/// What a thread's first lock sets up is there once a process; so each try is a program of its own.
#[test]
fn a_child_can_lock_whatever_another_thread_was_setting_up() {
    let _watchdog = Watchdog::with_limit(120);
    if std::env::var_os(ONE_TIME).is_some() {
        return one_time();
    }
    let test = thread::current().name().unwrap().to_owned();
    for _ in 0..100 {
        let this = std::env::current_exe().unwrap();
        let output = Command::new(this).args([&test, "--exact"]).env(ONE_TIME, "1").output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

fn one_time() {
    let mutex = share(Mutex::new(0_u64));
    let together = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            together.wait();
            *mutex.lock().unwrap() += 1;
        });
        together.wait();
        for _ in 0..5 {
            assert_eq!(reap(fork(|| *mutex.lock().unwrap() += 1)), 0);
        }
    });
    assert_eq!(*mutex.lock().unwrap(), 6);
}

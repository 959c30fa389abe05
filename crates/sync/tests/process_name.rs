//! Names of processes, as words in shared memory say them.

mod common;

use std::sync::atomic::Ordering::SeqCst;

use common::{flag, fork, found_family, idle, kill, reap};
use multiproc_sync::ProcessName;
use multiproc_sync::registry::MAX_PROCESSES;
use multiproc_testkit::{Watchdog, eventually};

fn named(bits: u32) -> ProcessName {
    ProcessName::from_bits(bits).expect("a process has said its name")
}

#[test]
fn all_threads_of_a_process_have_one_name() {
    found_family();
    let name = ProcessName::this().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(ProcessName::this().unwrap(), name));
        }
    });
    assert_eq!((name.pid(), name.has_ended()), (Some(std::process::id()), false));
    assert_eq!(ProcessName::from_bits(name.to_bits()), Some(name));
}

#[test]
fn a_fork_has_another_name_and_a_killed_one_has_ended() {
    let _watchdog = Watchdog::with_limit(60);
    found_family();
    let (ours, said) = (ProcessName::this().unwrap(), flag());
    let child = fork(|| {
        assert_eq!(ours.pid(), Some(std::os::unix::process::parent_id()), "its parent's");
        said.store(ProcessName::this().unwrap().to_bits(), SeqCst);
        idle();
    });
    eventually("it has a name", || said.load(SeqCst) != 0);
    let theirs = named(said.load(SeqCst));
    assert_ne!(theirs, ours);
    assert!(!theirs.has_ended() && theirs.pid().is_some());
    kill(child);
    assert!(theirs.has_ended());
    assert!(!ours.has_ended());
}

#[test]
fn a_name_is_not_given_to_the_next_one_in_its_entry() {
    let _watchdog = Watchdog::with_limit(120);
    found_family();
    let said = flag();
    let mut names = Vec::new();
    for _ in 0..MAX_PROCESSES + 50 {
        assert_eq!(reap(fork(|| said.store(ProcessName::this().unwrap().to_bits(), SeqCst))), 0);
        names.push(said.load(SeqCst));
    }
    let first = named(names[0]);
    assert!(first.has_ended());
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), MAX_PROCESSES + 50);
}

#[test]
fn words_that_no_process_has_said_prove_no_end() {
    found_family();
    assert_eq!(ProcessName::from_bits(0), None);
    let beyond = named((MAX_PROCESSES as u32 + 1) << 16);
    assert_eq!((beyond.has_ended(), beyond.pid()), (false, None));
}

//! The names of dead processes go, those of the living stay. `unsafe`: the lock of who sweeps is taken by hand.
#![allow(unsafe_code)]
mod common;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::mem;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::Ordering::SeqCst;

use common::named::{creator, manifest_of, numbered, path, shared_number, sweep_until_gone};
use common::{fork, idle, kill, reap};
use multiproc_shm::{SharedMemory, ShmError, names};
use multiproc_testkit::fork::Fork;
use multiproc_testkit::{Leaks, Signal, Watchdog, eventually, is_running};

#[test]
fn crash() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let pid = kill(creator("crash", 20));
    let manifest = manifest_of(pid).expect("it could not remove it");
    let listed = names::list().unwrap();
    let its: Vec<_> = listed.iter().filter(|segment| segment.creator == pid).collect();
    assert_eq!(its.len(), 20);
    assert!(its.iter().all(|segment| !segment.is_alive && segment.len == 4096));
    let opened = SharedMemory::open(&numbered("crash", 3)).unwrap();
    sweep_until_gone(&manifest);
    assert!((0..20).all(|number| !path(&numbered("crash", number)).exists()));
    assert_eq!(opened.len(), 4096, "whoever has it mapped goes on");
    drop(opened);
    leaks.check();
}

#[test]
fn the_living_are_left_alone() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = creator("living", 3);
    let ours = SharedMemory::create(&numbered("ours", 0), 1).unwrap();
    for _ in 0..50 {
        names::sweep().unwrap();
        assert!((0..3).all(|number| path(&numbered("living", number)).exists()));
        assert!(path(&numbered("ours", 0)).exists());
    }
    let listed = names::list().unwrap();
    let alive = |segment: &&names::NamedSegment| segment.creator == child.pid() && segment.is_alive;
    assert_eq!(listed.iter().filter(alive).count(), 3);
    let manifest = manifest_of(child.pid()).unwrap();
    kill(child);
    sweep_until_gone(&manifest);
    drop(ours);
    leaks.check();
}

#[test]
fn a_name_of_a_dead_process_can_be_made_anew_at_once() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    drop(SharedMemory::create_any(1).unwrap()); // this process has swept before
    for _ in 0..10 {
        kill(creator("anew", 1));
        let mut made = None;
        // Another process that sweeps may be halfway through it.
        eventually("the name is free", || {
            made = SharedMemory::create(&numbered("anew", 0), 20).ok();
            made.is_some()
        });
        assert_eq!(SharedMemory::open(&numbered("anew", 0)).unwrap().len(), 20);
    }
    names::sweep().unwrap();
    leaks.check();
}

/// Who looks does not hold up who takes a dead process's name.
#[test]
fn a_name_of_a_dead_process_is_free_while_others_look() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    drop(SharedMemory::create_any(1).unwrap()); // this process has swept before
    let (end, looks) = (shared_number(), shared_number());
    let looker = || {
        while end.load(SeqCst) == 0 {
            names::list().unwrap();
            looks.fetch_add(1, SeqCst);
        }
    };
    let lookers = [fork(looker), fork(looker)];
    eventually("they look", || looks.load(SeqCst) > 1);
    for _ in 0..50 {
        kill(creator("looked at", 1));
        drop(SharedMemory::create(&numbered("looked at", 0), 20).expect("it is a dead process's"));
    }
    end.store(1, SeqCst);
    for looker in lookers {
        assert_eq!(reap(looker), 0);
    }
    drop((end, looks));
    leaks.check();
}

/// Another process is in the middle of sweeping it, and stands still: nobody waits for that one, wherever it stands.
#[test]
fn a_name_of_a_dead_process_is_free_while_another_that_sweeps_it_stands_still() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    drop(SharedMemory::create_any(1).unwrap()); // this process has swept before
    for has_moved_it in [false, true] {
        let pid = kill(creator("swept", 1));
        let path_of_list = manifest_of(pid).unwrap();
        let manifest = File::options().read(true).write(true).open(&path_of_list).unwrap();
        let second_byte = libc::flock {
            l_type: libc::F_WRLCK as i16,
            l_whence: libc::SEEK_SET as i16,
            l_start: 1,
            l_len: 1,
            l_pid: 0,
        };
        // SAFETY: the structure lives across the call.
        let locked = unsafe { libc::fcntl(manifest.as_raw_fd(), libc::F_OFD_SETLK, &raw const second_byte) };
        assert_eq!(locked, 0);
        let listed = names::list().unwrap();
        assert!(listed.iter().any(|segment| segment.creator == pid && !segment.is_alive));
        let aside = format!("{}.u0.0123456789abcdef", path_of_list.display());
        if has_moved_it {
            fs::rename(path(&numbered("swept", 0)), &aside).unwrap();
        }
        let made = SharedMemory::create(&numbered("swept", 0), 20).expect("it is a dead process's");
        assert_eq!(made.len(), 20);
        assert!(path_of_list.exists(), "the other has not come to its end");
        drop(manifest); // as at the death of who sweeps
        sweep_until_gone(&path_of_list);
        assert!(path(&numbered("swept", 0)).exists(), "it is a living process's now");
        assert!(!Path::new(&aside).exists());
        drop(made);
    }
    leaks.check();
}

/// Who had no memory to list what it moved aside, and died then, may have moved what had just got the name.
#[test]
fn what_is_aside_without_a_record_and_a_living_process_lists_has_its_name_again() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let ours = SharedMemory::create(&numbered("moved", 0), 10).unwrap();
    let pid = kill(creator("mover", 1));
    let manifest = manifest_of(pid).unwrap();
    let aside = |slot: u32| format!("{}.u{slot}.0123456789abcdef", manifest.display());
    fs::rename(path(&numbered("moved", 0)), aside(7)).unwrap();
    fs::write(aside(8), "on no list").unwrap();
    sweep_until_gone(&manifest);
    assert!(!Path::new(&aside(7)).exists() && !Path::new(&aside(8)).exists());
    assert_eq!(SharedMemory::open(&numbered("moved", 0)).expect("it has its name").len(), 10);
    assert!(!path(&numbered("mover", 0)).exists());
    drop(ours);
    assert!(!path(&numbered("moved", 0)).exists());
    leaks.check();
}

#[test]
fn a_fork_counts_as_the_program() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    numbered("program", 0);
    let (ready, end) = (shared_number(), shared_number());
    let parent = fork(|| {
        mem::forget(SharedMemory::create(&numbered("program", 0), 10).unwrap());
        let child = fork(|| {
            multiproc_testkit::fork::outlive_parent();
            drop(SharedMemory::create_any(10).unwrap()); // a manifest of its own changes nothing
            ready.store(std::process::id(), SeqCst);
            eventually("the end", || end.load(SeqCst) == 1);
        });
        mem::forget(child);
        idle()
    });
    eventually("the fork is there", || ready.load(SeqCst) > 0);
    let pid = kill(parent);
    for _ in 0..20 {
        names::sweep().unwrap();
        assert!(path(&numbered("program", 0)).exists());
    }
    let listed = names::list().unwrap();
    assert!(listed.iter().any(|segment| segment.creator == pid && segment.is_alive));
    end.store(1, SeqCst);
    sweep_until_gone(&path(&numbered("program", 0)));
    eventually("its manifest goes", || manifest_of(pid).is_none());
    drop((ready, end));
    leaks.check();
}

#[test]
fn a_program_that_was_started_holds_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    numbered("started", 0);
    let started = shared_number();
    let parent = fork(|| {
        mem::forget(SharedMemory::create(&numbered("started", 0), 10).unwrap());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        started.store(child.id(), SeqCst);
        child.wait().unwrap(); // it is killed before
    });
    eventually("it is started", || started.load(SeqCst) > 0);
    kill(parent);
    sweep_until_gone(&path(&numbered("started", 0)));
    let child = started.load(SeqCst);
    assert!(is_running(child), "it was there all the time");
    multiproc_testkit::kill(child, Signal::SIGKILL).unwrap();
    eventually("it has ended", || !is_running(child));
    drop(started);
    leaks.check();
}

#[test]
fn what_others_have_put_there_since_stays() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = creator("since", 2);
    let held = File::open(path(&numbered("since", 0))).unwrap(); // so that its number is no other's
    fs::remove_file(path(&numbered("since", 0))).unwrap();
    fs::write(path(&numbered("since", 0)), "theirs").unwrap();
    let manifest = manifest_of(child.pid()).unwrap();
    kill(child);
    sweep_until_gone(&manifest);
    assert!(!path(&numbered("since", 1)).exists());
    assert_eq!(fs::read(path(&numbered("since", 0))).unwrap(), b"theirs");
    fs::remove_file(path(&numbered("since", 0))).unwrap();
    drop(held);
    leaks.check();
}

#[test]
fn a_folder_that_somebody_has_cleared() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    numbered("cleared", 0);
    let child = fork(|| {
        let first = SharedMemory::create(&numbered("cleared", 0), 10).unwrap();
        fs::remove_file(manifest_of(std::process::id()).unwrap()).unwrap();
        fs::remove_file(path(&numbered("cleared", 0))).unwrap();
        let second = SharedMemory::create(&numbered("cleared", 1), 10).unwrap();
        assert!(manifest_of(std::process::id()).is_some(), "it lists anew");
        drop(first);
        assert!(manifest_of(std::process::id()).is_some());
        mem::forget(second);
    });
    assert_eq!(reap(child), 0);
    sweep_until_gone(&path(&numbered("cleared", 1)));
    leaks.check();
}

/// Processes that make names are killed at any moment, beside two that sweep and one that lives.
#[test]
fn storm() {
    const CREATORS: usize = 3;
    const KILLS: usize = 120;
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    numbered("storm", 0);
    let end = shared_number();
    let swept = shared_number();
    let sweeper = || {
        while end.load(SeqCst) == 0 {
            swept.fetch_add(names::sweep().unwrap().segments.len() as u32, SeqCst);
        }
    };
    let keeper = fork(|| {
        let kept: Vec<_> =
            (0..4).map(|at| SharedMemory::create(&numbered("kept", at), 10).unwrap()).collect();
        while end.load(SeqCst) == 0 {
            for (at, memory) in kept.iter().enumerate() {
                assert!(path(&numbered("kept", at)).exists(), "a living process's name has gone");
                assert!(memory.is_owner());
            }
            // And one that comes and goes: nobody takes it away meanwhile.
            let passing = SharedMemory::create(&numbered("passing", 0), 10).unwrap();
            assert!(path(passing.name().unwrap()).exists());
        }
    });
    let sweepers = [fork(sweeper), fork(sweeper)];
    let made = shared_number();
    let creator = || -> Fork {
        fork(|| {
            let mut held = std::collections::VecDeque::new();
            loop {
                held.push_back(SharedMemory::create_any(5000).unwrap());
                made.fetch_add(1, SeqCst);
                if held.len() > 3 {
                    held.pop_front();
                }
            }
        })
    };
    let mut creators: Vec<Fork> = (0..CREATORS).map(|_| creator()).collect();
    let mut dead = BTreeSet::new();
    for round in 0..KILLS {
        let before = made.load(SeqCst);
        eventually("they make names", || made.load(SeqCst) > before + round as u32 % 5);
        let victim = mem::replace(&mut creators[round % CREATORS], creator());
        dead.insert(kill(victim));
    }
    dead.extend(creators.into_iter().map(kill));
    end.store(1, SeqCst);
    assert_eq!(reap(keeper), 0);
    for sweeper in sweepers {
        assert_eq!(reap(sweeper), 0);
    }
    assert!(swept.load(SeqCst) > 0, "the two had something to do");
    eventually("all that the dead have left is gone", || {
        names::sweep().unwrap();
        let entries = fs::read_dir("/dev/shm").unwrap();
        let mut left = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        !left.any(|name| dead.iter().any(|pid| name.starts_with(&format!("multiproc.{pid}."))))
    });
    assert!(matches!(SharedMemory::open(&numbered("kept", 0)), Err(ShmError::Missing { .. })));
    drop((end, made, swept));
    leaks.check();
}

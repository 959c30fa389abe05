//! The names of dead processes go, those of the living stay. `unsafe`: words in shared memory, and forks that give their rights up.
#![allow(unsafe_code)]

mod common;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use common::{fork, idle, kill, reap};
use multiproc_shm::{SharedMemory, ShmError, names};
use multiproc_testkit::fault::Memory;
use multiproc_testkit::fork::Fork;
use multiproc_testkit::{Leaks, Signal, Watchdog, eventually, is_running};

fn name(test: &str, number: usize) -> String {
    // Of the test's process, in its forks too.
    static TEST: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
    format!("mp-sweep-{test}-{}-{number}", TEST.get_or_init(std::process::id))
}

fn path(name: &str) -> PathBuf {
    Path::new("/dev/shm").join(name)
}

/// A number that this process and its forks share.
fn shared_number() -> Memory<AtomicU32> {
    // SAFETY: an atomic number may be zero.
    unsafe { Memory::zeroed() }
}

/// A process that has made so many names, and lives.
fn creator(test: &str, count: usize) -> Fork {
    name(test, 0);
    let ready = shared_number();
    let child = fork(|| {
        let _made: Vec<_> =
            (0..count).map(|number| SharedMemory::create(&name(test, number), 4096).unwrap()).collect();
        ready.store(1, SeqCst);
        idle()
    });
    eventually("the names are there", || ready.load(SeqCst) == 1);
    child
}

/// Sweeps until a file is gone: another process may be at it, and is not waited for.
fn sweep_until_gone(path: &Path) {
    eventually("it is swept", || {
        names::sweep().unwrap();
        !path.exists()
    });
}

fn manifest_of(pid: u32) -> Option<PathBuf> {
    let is_its = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with(&format!("multiproc.{pid}.")) && name.split('.').count() == 3
    };
    fs::read_dir("/dev/shm").unwrap().map(|entry| entry.unwrap().path()).find(is_its)
}

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
    let opened = SharedMemory::open(&name("crash", 3)).unwrap();
    sweep_until_gone(&manifest);
    assert!((0..20).all(|number| !path(&name("crash", number)).exists()));
    assert_eq!(opened.len(), 4096, "whoever has it mapped goes on");
    drop(opened);
    leaks.check();
}

#[test]
fn the_living_are_left_alone() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = creator("living", 3);
    let ours = SharedMemory::create(&name("ours", 0), 1).unwrap();
    for _ in 0..50 {
        names::sweep().unwrap();
        assert!((0..3).all(|number| path(&name("living", number)).exists()));
        assert!(path(&name("ours", 0)).exists());
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
            made = SharedMemory::create(&name("anew", 0), 20).ok();
            made.is_some()
        });
        assert_eq!(SharedMemory::open(&name("anew", 0)).unwrap().len(), 20);
    }
    names::sweep().unwrap();
    leaks.check();
}

#[test]
fn a_fork_counts_as_the_program() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    name("program", 0);
    let (ready, end) = (shared_number(), shared_number());
    let parent = fork(|| {
        mem::forget(SharedMemory::create(&name("program", 0), 10).unwrap());
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
        assert!(path(&name("program", 0)).exists());
    }
    let listed = names::list().unwrap();
    assert!(listed.iter().any(|segment| segment.creator == pid && segment.is_alive));
    end.store(1, SeqCst);
    sweep_until_gone(&path(&name("program", 0)));
    eventually("its manifest goes", || manifest_of(pid).is_none());
    drop((ready, end));
    leaks.check();
}

#[test]
fn a_program_that_was_started_holds_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    name("started", 0);
    let started = shared_number();
    let parent = fork(|| {
        mem::forget(SharedMemory::create(&name("started", 0), 10).unwrap());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        started.store(child.id(), SeqCst);
        child.wait().unwrap(); // it is killed before
    });
    eventually("it is started", || started.load(SeqCst) > 0);
    kill(parent);
    sweep_until_gone(&path(&name("started", 0)));
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
    let held = File::open(path(&name("since", 0))).unwrap(); // so that its number is no other's
    fs::remove_file(path(&name("since", 0))).unwrap();
    fs::write(path(&name("since", 0)), "theirs").unwrap();
    let manifest = manifest_of(child.pid()).unwrap();
    kill(child);
    sweep_until_gone(&manifest);
    assert!(!path(&name("since", 1)).exists());
    assert_eq!(fs::read(path(&name("since", 0))).unwrap(), b"theirs");
    fs::remove_file(path(&name("since", 0))).unwrap();
    drop(held);
    leaks.check();
}

#[test]
fn a_folder_that_somebody_has_cleared() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    name("cleared", 0);
    let child = fork(|| {
        let first = SharedMemory::create(&name("cleared", 0), 10).unwrap();
        fs::remove_file(manifest_of(std::process::id()).unwrap()).unwrap();
        fs::remove_file(path(&name("cleared", 0))).unwrap();
        let second = SharedMemory::create(&name("cleared", 1), 10).unwrap();
        assert!(manifest_of(std::process::id()).is_some(), "it lists anew");
        drop(first);
        assert!(manifest_of(std::process::id()).is_some());
        mem::forget(second);
    });
    assert_eq!(reap(child), 0);
    sweep_until_gone(&path(&name("cleared", 1)));
    leaks.check();
}

#[test]
fn manifests_of_any_bytes() {
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    fs::write(path(&name("bystander", 0)), "theirs").unwrap();
    let child = creator("bytes", 2);
    let whole = fs::read(manifest_of(child.pid()).unwrap()).unwrap();
    let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for round in 0..300_u64 {
        // A copy of a living process's list is a dead one's, so its records are spoiled.
        let mut bytes = whole.clone();
        for record in bytes[512..].chunks_mut(512) {
            record[next() as usize % record.len()] ^= 1 << (next() % 8);
        }
        if round % 3 == 0 {
            bytes.iter_mut().skip(512).for_each(|byte| *byte = next() as u8);
        }
        if round % 7 == 0 {
            bytes[next() as usize % 8] ^= 1;
        }
        bytes.truncate(next() as usize % (bytes.len() + 1));
        let planted = path(&format!("multiproc.999999999.{round:016x}"));
        let of_others = bytes.len() >= 512 && bytes[..8] != whole[..8];
        fs::write(&planted, &bytes).unwrap();
        names::list().unwrap();
        if of_others {
            names::sweep().unwrap();
            assert!(planted.exists(), "another version's, which knows better");
            fs::remove_file(&planted).unwrap();
        } else {
            sweep_until_gone(&planted);
        }
        assert!((0..2).all(|number| path(&name("bytes", number)).exists()), "round {round}");
        assert_eq!(fs::read(path(&name("bystander", 0))).unwrap(), b"theirs");
    }
    fs::remove_file(path(&name("bystander", 0))).unwrap();
    let manifest = manifest_of(child.pid()).unwrap();
    kill(child);
    sweep_until_gone(&manifest);
    leaks.check();
}

/// A folder stands where a dead process's unfinished segment would be: it is told of, and the rest is swept all the same.
#[test]
fn what_cannot_be_removed_does_not_keep_the_rest() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = creator("kept from", 1);
    let manifest = manifest_of(child.pid()).unwrap();
    let obstacle = PathBuf::from(format!("{}.t99", manifest.display()));
    fs::create_dir(&obstacle).unwrap();
    kill(child);
    eventually("its name is swept", || {
        let _ = names::sweep();
        !path(&name("kept from", 0)).exists()
    });
    fs::remove_dir(&obstacle).unwrap();
    sweep_until_gone(&manifest);
    leaks.check();
}

#[test]
fn what_looks_like_a_manifest_and_is_none() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let [folder, link, socket] = [1, 2, 3].map(|number| path(&format!("multiproc.999999998.{number:016x}")));
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&socket).unwrap()); // its name stays
    names::sweep().unwrap();
    names::list().unwrap();
    assert!(folder.is_dir() && link.is_symlink() && socket.exists());
    fs::remove_file(&socket).unwrap();
    fs::remove_dir(&folder).unwrap();
    fs::remove_file(&link).unwrap();
    leaks.check();
}

/// A user's names are that user's affair. Without the rights of root there is but one user: then it sweeps its own.
#[test]
fn users_sweep_for_themselves() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    name("user", 0);
    // SAFETY: no memory is passed.
    let is_root = unsafe { libc::geteuid() } == 0;
    let become_another = || {
        // SAFETY: a number is passed.
        assert!(unsafe { libc::setuid(65534) } == 0 || !is_root);
    };
    let child = fork(|| {
        become_another();
        mem::forget(SharedMemory::create(&name("user", 0), 10).unwrap());
    });
    let pid = child.pid();
    assert_eq!(reap(child), 0);
    if is_root {
        names::sweep().unwrap();
        assert!(path(&name("user", 0)).exists() && manifest_of(pid).is_some());
        assert!(!names::list().unwrap().iter().any(|segment| segment.creator == pid));
        let other = fork(|| {
            become_another();
            sweep_until_gone(&path(&name("user", 0)));
            let root = SharedMemory::create(&name("user", 0), 10);
            assert!(root.is_ok());
        });
        assert_eq!(reap(other), 0);
    } else {
        sweep_until_gone(&path(&name("user", 0)));
    }
    leaks.check();
}

/// Processes that make names are killed at any moment, beside two that sweep and one that lives.
#[test]
fn storm() {
    const CREATORS: usize = 3;
    const KILLS: usize = 120;
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    name("storm", 0);
    let end = shared_number();
    let sweeper = || {
        let mut swept = 0;
        while end.load(SeqCst) == 0 {
            swept += names::sweep().unwrap().names;
        }
        assert!(swept > 0, "it had something to do");
    };
    let keeper = fork(|| {
        let kept: Vec<_> = (0..4).map(|at| SharedMemory::create(&name("kept", at), 10).unwrap()).collect();
        while end.load(SeqCst) == 0 {
            for (at, memory) in kept.iter().enumerate() {
                assert!(path(&name("kept", at)).exists(), "a living process's name has gone");
                assert!(memory.is_owner());
            }
            // And one that comes and goes: nobody takes it away meanwhile.
            let passing = SharedMemory::create(&name("passing", 0), 10).unwrap();
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
    eventually("all that the dead have left is gone", || {
        names::sweep().unwrap();
        let entries = fs::read_dir("/dev/shm").unwrap();
        let mut left = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
        !left.any(|name| dead.iter().any(|pid| name.starts_with(&format!("multiproc.{pid}."))))
    });
    assert!(matches!(SharedMemory::open(&name("kept", 0)), Err(ShmError::Missing { .. })));
    drop((end, made));
    leaks.check();
}

//! What goes wrong with named segments elsewhere, each by its name. `unsafe`: a fork that returns.
#![allow(unsafe_code)]

mod common;

use std::fs::{self, File};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use common::named::{byte, name, path, shared_number, write};
use common::{fork, idle, kill, reap};
use multiproc_shm::{SharedMemory, ShmError, names};
use multiproc_testkit::fork::Fork;
use multiproc_testkit::{Leaks, Watchdog, eventually};

const MIB: usize = 1 << 20;

#[test]
fn unlink_by_a_forked_child() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let mut memory = Some(SharedMemory::create(&name("fork"), 10).unwrap());
    let child = fork(|| {
        let memory = memory.take().unwrap();
        assert!(!memory.is_owner(), "a fork owns nothing of its parent's");
        memory.keep_name().unwrap();
        drop(memory);
        drop(SharedMemory::create_any(10).unwrap()); // with a manifest of its own
    });
    assert_eq!(reap(child), 0);
    let memory = memory.unwrap();
    assert!(path(&name("fork")).exists());
    assert!(memory.is_owner());
    let listed = names::list().unwrap();
    assert!(listed.iter().any(|segment| segment.name == name("fork") && segment.is_alive));
    drop(memory);
    assert!(!path(&name("fork")).exists());
    leaks.check();
}

#[test]
fn unlink_by_a_fork_that_asks_for_it() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let memory = SharedMemory::create(&name("asked"), 10).unwrap();
    assert_eq!(reap(fork(|| memory.unlink().unwrap())), 0);
    assert!(!path(&name("asked")).exists());
    drop(memory);
    leaks.check();
}

#[test]
fn unlink_of_a_successor() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let first = SharedMemory::create(&name("successor"), 10).unwrap();
    let opened = SharedMemory::open(&name("successor")).unwrap();
    fs::remove_file(path(&name("successor"))).unwrap(); // as CPython's tracker does
    let second = SharedMemory::create(&name("successor"), 20).unwrap();
    opened.unlink().unwrap();
    first.unlink().unwrap();
    drop((first, opened));
    assert_eq!(SharedMemory::open(&name("successor")).unwrap().len(), 20);
    drop(second);
    assert!(!path(&name("successor")).exists());
    leaks.check();
}

/// Somebody exchanges the file while its owner ends the name: whoever comes first, the successor keeps it. (The few instructions between the
/// owner's look and its move are met by the tests of `take_away.rs`.)
#[test]
fn unlink_of_a_successor_that_comes_at_any_time() {
    const TIME: Duration = Duration::from_secs(5);
    const ENOUGH: u32 = 200;
    const END: u32 = u32::MAX;
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    let (name, begun, done) = (name("any-time"), shared_number(), shared_number());
    let wait = |number: &AtomicU32, round| {
        while number.load(SeqCst) < round {
            std::thread::yield_now();
        }
    };
    let stranger = fork(|| {
        for round in 1.. {
            wait(&begun, round);
            if begun.load(SeqCst) == END {
                break;
            }
            let _ = fs::remove_file(path(&name)); // if it is there still
            File::create_new(path(&name)).unwrap();
            done.store(round, SeqCst);
        }
    });
    // Which of them ends first: certainly the one, certainly the other, and as it comes. The latter is gone on with until both have been met
    // often, or the time is over, as on a machine with one core.
    let (mut owner_first, mut stranger_first) = (0, 0);
    let until = Instant::now() + TIME;
    let mut round = 0;
    while round < 3 || (owner_first.min(stranger_first) < ENOUGH && Instant::now() < until) {
        round += 1;
        let mut memory = Some(SharedMemory::create(&name, 1).unwrap());
        if round % 8 == 1 {
            drop(memory.take());
        }
        begun.store(round, SeqCst);
        if round % 8 == 2 {
            wait(&done, round);
        }
        (0..round % 64).for_each(|_| std::hint::spin_loop());
        drop(memory);
        if round % 8 > 2 {
            let is_first = done.load(SeqCst) < round;
            *if is_first { &mut owner_first } else { &mut stranger_first } += 1;
        }
        wait(&done, round);
        let successor = fs::metadata(path(&name)).expect("the successor has lost its name");
        assert_eq!(successor.len(), 0);
        fs::remove_file(path(&name)).unwrap();
    }
    begun.store(END, SeqCst);
    assert_eq!(reap(stranger), 0);
    println!("{owner_first} times the owner ended first, {stranger_first} times the stranger");
    drop((begun, done));
    leaks.check();
}

/// The tracker of CPython up to 3.12 unlinks what one of its programs has opened.
#[test]
fn unlink_by_a_tracker() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let memory = SharedMemory::create(&name("tracker"), 10).unwrap();
    write(&memory, 0, 3);
    fs::remove_file(path(&name("tracker"))).unwrap();
    assert_eq!(byte(&memory, 0), 3, "the mapping stays");
    memory.unlink().unwrap();
    drop(memory);
    leaks.check();
}

#[test]
fn ignored_size() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    for len in [1, 100, 4096, 4097, 3 * MIB + 1] {
        let memory = SharedMemory::create(&name("size"), len).unwrap();
        assert_eq!((memory.len(), SharedMemory::open(&name("size")).unwrap().len()), (len, len));
        assert_eq!(fs::metadata(path(&name("size"))).unwrap().len(), len as u64);
    }
    leaks.check();
}

#[test]
fn visible_before_sized() {
    const LEN: usize = 3 * 4096 + 5;
    const ROUNDS: usize = 500;
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    let (name, seen, done) = (name("visible"), shared_number(), shared_number());
    let looker = fork(|| {
        while done.load(SeqCst) == 0 {
            match SharedMemory::open(&name) {
                Ok(memory) => {
                    assert_eq!(memory.len(), LEN);
                    assert_eq!([0, 4096, LEN - 1].map(|at| byte(&memory, at)), [7; 3]);
                    seen.fetch_add(1, SeqCst);
                }
                Err(ShmError::Missing { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    for round in 0..ROUNDS {
        let memory = SharedMemory::create_with(&name, LEN, |bytes| bytes.fill(7)).unwrap();
        if round % 50 == 0 {
            let before = seen.load(SeqCst);
            eventually("it is seen", || seen.load(SeqCst) > before);
        }
        drop(memory);
    }
    done.store(1, SeqCst);
    assert_eq!(reap(looker), 0);
    drop((seen, done));
    leaks.check();
}

/// Whoever may write to a named segment may cut it. What is left can be copied.
#[test]
fn cut_by_a_stranger() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let memory = SharedMemory::create_with(&name("cut"), 8192, |bytes| bytes.fill(4)).unwrap();
    File::options().write(true).open(path(&name("cut"))).unwrap().set_len(4096).unwrap();
    let touching = reap(fork(|| assert_eq!(byte(&memory, 4096), 0)));
    assert_eq!(libc::WTERMSIG(touching), libc::SIGBUS, "a touch ends the process");
    let mut buffer = [0; 8192];
    assert_eq!(memory.read_at(0, &mut buffer).unwrap(), 4096);
    assert!(buffer[..4096].iter().all(|byte| *byte == 4));
    assert_eq!(memory.read_at(4096, &mut buffer).unwrap(), 0);
    memory.reserve().unwrap();
    assert_eq!((byte(&memory, 4095), byte(&memory, 8191)), (4, 0), "as long as before");
    drop(memory);
    leaks.check();
}

/// A fork in the middle of another thread's work finds nothing that is held for ever.
#[test]
fn a_fork_beside_threads_that_make_names() {
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    let stop = AtomicU32::new(0);
    let made = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while stop.load(SeqCst) == 0 {
                    let memory = SharedMemory::create_any(10).unwrap();
                    assert!(memory.is_owner());
                    made.fetch_add(1, SeqCst);
                }
            });
        }
        let own = SharedMemory::create(&name("beside"), 10).unwrap();
        for _ in 0..100 {
            let before = made.load(SeqCst);
            let child = fork(|| {
                let memory = SharedMemory::create_any(10).unwrap();
                assert!(memory.is_owner() && !own.is_owner());
                memory.unlink().unwrap();
                own.keep_name().unwrap();
            });
            assert_eq!(reap(child), 0);
            eventually("the threads go on", || made.load(SeqCst) > before);
        }
        assert!(own.is_owner() && path(&name("beside")).exists());
        stop.store(1, SeqCst);
    });
    leaks.check();
}

/// Nobody finds the bytes that are lent to who fills a segment: safe code of this very process could change them else.
#[test]
fn bytes_that_are_filled_have_no_path() {
    const LEN: usize = 123_457;
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let memory = SharedMemory::create_with(&name("no-path"), LEN, |bytes| {
        let entries = fs::read_dir("/dev/shm").unwrap();
        let mut lens =
            entries.map(|entry| fs::symlink_metadata(entry.unwrap().path()).map_or(0, |it| it.len()));
        assert!(!lens.any(|len| len == LEN as u64), "somebody could map it");
        bytes[0] = 1;
    })
    .unwrap();
    assert_eq!(byte(&memory, 0), 1);
    drop(memory);
    leaks.check();
}

/// A fork in the middle of the filling comes back in two processes. The segment is the parent's.
#[test]
fn a_fork_that_comes_back_from_the_filling() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let parent = std::process::id();
    let mut child = None;
    let made = SharedMemory::create_with(&name("forked"), 10, |bytes| {
        bytes[0] = 1;
        // SAFETY: the child leaves below, without the harness.
        match unsafe { libc::fork() } {
            0 => bytes[1] = 1,
            pid => child = Some(Fork::adopt(pid)),
        }
    });
    if std::process::id() != parent {
        let is_refused = matches!(made, Err(ShmError::Forked));
        // SAFETY: ends the fork at once.
        unsafe { libc::_exit(i32::from(!is_refused)) };
    }
    assert_eq!(reap(child.unwrap()), 0, "the fork is refused");
    let memory = made.unwrap();
    assert_eq!((byte(&memory, 0), memory.is_owner()), (1, true));
    assert!(path(&name("forked")).exists());
    drop(memory);
    leaks.check();
}

/// Another process has moved the file aside, to see whether it is its own, while the owner ends the name: it is listed until it comes back.
#[test]
fn a_name_that_is_aside_when_its_owner_ends_it() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let (name, go, dropped) = (name("aside"), shared_number(), shared_number());
    let owner = fork(|| {
        let memory = SharedMemory::create(&name, 10).unwrap();
        go.store(1, SeqCst);
        eventually("it is aside", || go.load(SeqCst) == 2);
        drop(memory);
        dropped.store(1, SeqCst);
        idle()
    });
    eventually("it is made", || go.load(SeqCst) == 1);
    let aside = path(&format!("multiproc.{}.0123456789abcdef.u0.0123456789abcdef", std::process::id()));
    fs::rename(path(&name), &aside).unwrap();
    go.store(2, SeqCst);
    eventually("the owner does not wait for ever", || dropped.load(SeqCst) == 1);
    fs::rename(&aside, path(&name)).unwrap();
    kill(owner);
    eventually("it is swept", || {
        names::sweep().unwrap();
        !path(&name).exists()
    });
    drop((go, dropped));
    leaks.check();
}

#[test]
fn types() {
    fn handed_to_threads<T: Send + Sync + Clone + std::fmt::Debug>() {}
    handed_to_threads::<SharedMemory>();
}

#[test]
fn two_programs_make_one_name() {
    const CREATORS: u32 = 4;
    let _watchdog = Watchdog::with_limit(120);
    let leaks = Leaks::snapshot();
    for round in 0..20 {
        let (ready, won, lost) = (shared_number(), shared_number(), shared_number());
        let name = name(&format!("race{round}"));
        let creator = || {
            ready.fetch_add(1, SeqCst);
            while ready.load(SeqCst) < CREATORS {
                std::hint::spin_loop();
            }
            match SharedMemory::create_with(&name, 64, |bytes| bytes[0] = 1) {
                Ok(memory) => {
                    assert_eq!(byte(&memory, 0), 1);
                    won.fetch_add(1, SeqCst);
                    idle();
                }
                Err(ShmError::Exists { .. }) => {
                    lost.fetch_add(1, SeqCst);
                }
                Err(error) => panic!("{error}"),
            }
            idle()
        };
        let creators: Vec<_> = (0..CREATORS).map(|_| fork(creator)).collect();
        eventually("all have tried", || won.load(SeqCst) + lost.load(SeqCst) == CREATORS);
        assert_eq!(won.load(SeqCst), 1, "exactly one wins");
        assert_eq!(SharedMemory::open(&name).unwrap().len(), 64);
        for creator in creators {
            kill(creator);
        }
        eventually("the winner's name is swept", || {
            names::sweep().unwrap();
            !path(&name).exists()
        });
    }
    leaks.check();
}

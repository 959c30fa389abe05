//! What goes wrong with named segments elsewhere, each by its name. `unsafe`: their bytes are reached by pointer; forks lower their
//! limits and mount a folder of their own.
#![allow(unsafe_code)]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use common::{fork, idle, kill, reap};
use multiproc_shm::{SharedMemory, ShmError, names};
use multiproc_testkit::fault::Memory;
use multiproc_testkit::{Leaks, Watchdog, eventually, proc_fd_count};

const MIB: usize = 1 << 20;

fn name(test: &str) -> String {
    format!("mp-hazard-{test}-{}", std::process::id())
}

fn path(name: &str) -> PathBuf {
    Path::new("/dev/shm").join(name)
}

fn byte(memory: &SharedMemory, at: usize) -> u8 {
    assert!(at < memory.len());
    // SAFETY: within the mapping; where it has been cut, the test wants the signal.
    unsafe { memory.as_ptr().add(at).read_volatile() }
}

fn write(memory: &SharedMemory, at: usize, byte: u8) {
    assert!(at < memory.len());
    // SAFETY: as above.
    unsafe { memory.as_ptr().add(at).write_volatile(byte) };
}

/// A number that this process and its forks share.
fn shared_number() -> Memory<AtomicU32> {
    // SAFETY: an atomic number may be zero.
    unsafe { Memory::zeroed() }
}

fn limit(resource: libc::__rlimit_resource_t, soft: u64) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: reads and writes a structure that lives across the calls.
    unsafe {
        assert_eq!(libc::getrlimit(resource, &raw mut limit), 0);
        limit.rlim_cur = soft.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(resource, &raw const limit), 0);
    }
}

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

/// Gives this process a `/dev/shm` of its own, of 1 MiB.
fn own_folder() {
    let none = ptr::null();
    // SAFETY: names that live across the calls; the process is a fork with one thread.
    unsafe {
        let alone = libc::unshare(libc::CLONE_NEWNS) == 0
            || libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) == 0;
        assert!(alone, "this machine forbids namespaces: {}", std::io::Error::last_os_error());
        let private = libc::MS_REC | libc::MS_PRIVATE;
        assert_eq!(libc::mount(c"none".as_ptr(), c"/".as_ptr(), none, private, none.cast()), 0);
        let (tmpfs, size) = (c"tmpfs".as_ptr(), c"size=1m".as_ptr());
        let mounted = libc::mount(tmpfs, c"/dev/shm".as_ptr(), tmpfs, 0, size.cast());
        assert_eq!(mounted, 0, "{}", std::io::Error::last_os_error());
    }
}

#[test]
fn reserve() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = fork(|| {
        own_folder();
        let name = name("reserve");
        let refused = SharedMemory::create(&name, 4 * MIB);
        assert!(
            matches!(refused, Err(ShmError::NoSpace { asked }) if asked == 4 * MIB as u64),
            "{refused:?}"
        );
        assert_eq!(fs::read_dir("/dev/shm").unwrap().count(), 0, "nothing is left of it");
        let half = SharedMemory::create(&name, MIB / 2).unwrap();
        (0..half.len()).for_each(|at| write(&half, at, 1));
        assert!(matches!(SharedMemory::create_any(3 * MIB / 4), Err(ShmError::NoSpace { .. })));
        // A stranger's, without pages: it can be asked for them.
        File::create_new(path("theirs")).unwrap().set_len(2 * MIB as u64).unwrap();
        let theirs = SharedMemory::open("theirs").unwrap();
        assert!(matches!(theirs.reserve(), Err(ShmError::NoSpace { .. })));
        theirs.unlink().unwrap();
        drop(theirs);
        // The last pages are taken: no room for the list of names.
        drop(half);
        let mut filler = File::create_new(path("filler")).unwrap();
        let error = loop {
            if let Err(error) = filler.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        assert!(matches!(SharedMemory::create(&name, 1), Err(ShmError::NoSpace { .. })));
        assert_eq!(fs::read_dir("/dev/shm").unwrap().count(), 1, "the filler alone");
        fs::remove_file(path("filler")).unwrap();
        drop(filler);
        drop(SharedMemory::create(&name, MIB / 2).unwrap());
    });
    assert_eq!(reap(child), 0);
    leaks.check();
}

#[test]
fn a_reserve_that_is_interrupted() {
    extern "C" fn ignore(_: libc::c_int) {}
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = fork(|| {
        let often = libc::timeval { tv_sec: 0, tv_usec: 100 };
        let timer = libc::itimerval { it_interval: often, it_value: often };
        // SAFETY: the handler does nothing; the structures live across the calls.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = ignore as extern "C" fn(libc::c_int) as usize;
            assert_eq!(libc::sigaction(libc::SIGALRM, &raw const action, ptr::null_mut()), 0);
            assert_eq!(libc::setitimer(libc::ITIMER_REAL, &raw const timer, ptr::null_mut()), 0);
        }
        drop(SharedMemory::create_any(16 * MIB).unwrap());
    });
    assert_eq!(reap(child), 0);
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

#[test]
fn limits_are_errors_and_no_signals() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let refused = |resource, most, len| {
        let child = fork(|| {
            limit(resource, most);
            match SharedMemory::create(&name("limit"), len) {
                Err(ShmError::Kernel { .. } | ShmError::OutOfMemory { .. }) => {}
                other => panic!("{other:?}"),
            }
            limit(resource, libc::RLIM_INFINITY);
            assert!(!path(&name("limit")).exists());
            assert!(SharedMemory::create(&name("limit"), 1).is_ok(), "it passes");
        });
        assert_eq!(reap(child), 0);
    };
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let mapped = pages.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096;
    refused(libc::RLIMIT_AS, mapped + (16 << 20), 64 * MIB);
    refused(libc::RLIMIT_FSIZE, 1 << 16, 1 << 17);
    refused(libc::RLIMIT_FSIZE, 0, 1);
    refused(libc::RLIMIT_FSIZE, 600, 600);
    refused(libc::RLIMIT_NOFILE, 3, 10);
    leaks.check();
}

/// The crate below takes descriptor 0 for none.
#[test]
fn closed_descriptors() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = fork(|| {
        for number in 0..3 {
            // SAFETY: nobody uses them in this fork.
            unsafe { libc::close(number) };
        }
        drop(SharedMemory::create_any(10).unwrap());
        let before = proc_fd_count();
        for _ in 0..3 {
            let memory = SharedMemory::create_any(10).unwrap();
            assert!(memory.as_fd().as_raw_fd() > 2, "what is printed would be written into it");
        }
        assert_eq!(proc_fd_count(), before);
    });
    assert_eq!(reap(child), 0);
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

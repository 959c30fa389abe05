//! Named segments where memory, descriptors and limits are scarce, and signals come often. `unsafe`: their bytes are reached by
//! pointer; forks lower their limits and mount a folder of their own.
#![allow(unsafe_code)]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::ptr;

use common::{fork, reap};
use multiproc_shm::{SharedMemory, ShmError};
use multiproc_testkit::{Leaks, Watchdog, proc_fd_count};

const MIB: usize = 1 << 20;

fn name(test: &str) -> String {
    format!("mp-scarce-{test}-{}", std::process::id())
}

fn path(name: &str) -> PathBuf {
    Path::new("/dev/shm").join(name)
}

fn write(memory: &SharedMemory, at: usize, byte: u8) {
    assert!(at < memory.len());
    // SAFETY: within the mapping, which nobody cuts.
    unsafe { memory.as_ptr().add(at).write_volatile(byte) };
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
        // The last pages are taken: no room for the list of names. Names can end all the same.
        drop(half);
        fs::write(path("last"), "theirs").unwrap();
        let last = SharedMemory::open("last").unwrap();
        let mut filler = File::create_new(path("filler")).unwrap();
        let error = loop {
            if let Err(error) = filler.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        assert!(matches!(SharedMemory::create(&name, 1), Err(ShmError::NoSpace { .. })));
        last.unlink().unwrap();
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

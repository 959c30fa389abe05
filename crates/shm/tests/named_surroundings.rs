//! Named segments where memory, descriptors and limits are scarce, and signals come often. `unsafe`: their bytes are reached by
//! pointer; forks lower their limits and mount a folder of their own.
#![allow(unsafe_code)]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::mem;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::ptr;

use common::named::{name, path, write};
use common::{fork, reap};
use multiproc_shm::{SharedMemory, ShmError, names};
use multiproc_testkit::mounts;
use multiproc_testkit::{Leaks, TempDir, Watchdog, eventually, proc_fd_count};

const MIB: usize = 1 << 20;

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
fn reserve() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = fork(|| {
        if !mounts::own_mounts() {
            return;
        }
        mounts::mount_new("tmpfs", "/dev/shm", "size=1m").unwrap();
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

/// A folder that takes no further file is not one without room.
#[test]
fn files_run_out() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = fork(|| {
        if !mounts::own_mounts() {
            return;
        }
        mounts::mount_new("tmpfs", "/dev/shm", "size=1m,nr_inodes=8").unwrap();
        let mut made = Vec::new();
        let refused = loop {
            match SharedMemory::create_any(10) {
                Ok(memory) => made.push(memory),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, ShmError::TooManyFiles), "{refused}");
        assert!((1..8).contains(&made.len()), "{} of 8, with the folder and the list", made.len());
        made.pop();
        drop(SharedMemory::create_any(10).unwrap());
    });
    assert_eq!(reap(child), 0);
    leaks.check();
}

/// libc's function would write into the file instead, under the feet of those who have it mapped.
#[test]
fn pages_that_a_file_system_cannot_reserve() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let child = fork(|| {
        if !mounts::own_mounts() {
            return;
        }
        mounts::mount_new("ramfs", "/dev/shm", "").unwrap();
        fs::write(path("file"), "content").unwrap();
        let memory = SharedMemory::map_file(path("file")).unwrap();
        assert!(matches!(memory.reserve(), Err(ShmError::NotReservable)));
        assert_eq!(fs::read(path("file")).unwrap(), b"content");
    });
    assert_eq!(reap(child), 0);
    leaks.check();
}

/// On ext4 the number of a file that is gone is the next one's at once: that one stays, though a dead process lists its name and number.
#[test]
fn a_successor_with_the_same_number() {
    const ROUNDS: usize = 50;
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let folder = TempDir::new();
    let child = fork(|| {
        if !mounts::own_mounts() {
            return;
        }
        mounts::bind(folder.path(), "/dev/shm").unwrap();
        let name = name("number");
        let number = || fs::metadata(path(&name)).unwrap().ino();
        let born = |name: &str| fs::metadata(path(name)).unwrap().created().unwrap();
        let mut again = 0;
        for _ in 0..ROUNDS {
            let creator = fork(|| mem::forget(SharedMemory::create(&name, 10).unwrap()));
            assert_eq!(reap(creator), 0);
            let (before, first) = (number(), born(&name));
            fs::remove_file(path(&name)).unwrap();
            // Files are told apart by their times, which go by the ticks of the kernel.
            eventually("a tick", || {
                fs::write(path(&name), "theirs").unwrap();
                let is_later = born(&name) > first;
                if !is_later {
                    fs::remove_file(path(&name)).unwrap();
                }
                is_later
            });
            again += usize::from(number() == before);
            names::sweep().unwrap();
            assert_eq!(fs::read(path(&name)).unwrap(), b"theirs");
            fs::remove_file(path(&name)).unwrap();
        }
        println!("the successor had the same number {again} times of {ROUNDS}");
    });
    assert_eq!(reap(child), 0);
    drop(folder);
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
fn a_limit_of_addresses_is_a_lack_of_memory() {
    let _watchdog = Watchdog::with_limit(60);
    let leaks = Leaks::snapshot();
    let large = SharedMemory::create(&name("large"), 64 * MIB).unwrap();
    let child = fork(|| {
        let pages = fs::read_to_string("/proc/self/statm").unwrap();
        let mapped = pages.split(' ').next().unwrap().parse::<u64>().unwrap() * 4096;
        limit(libc::RLIMIT_AS, mapped + (16 << 20));
        let asked = 64 * MIB as u64;
        for refused in [
            SharedMemory::create(&name("addresses"), 64 * MIB),
            SharedMemory::anonymous(64 * MIB),
            SharedMemory::open(&name("large")),
        ] {
            match refused {
                Err(ShmError::OutOfMemory { asked: told, available }) => {
                    assert!(told == asked && available <= 16 << 20, "{told} {available}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(!path(&name("addresses")).exists());
        drop(SharedMemory::create(&name("addresses"), MIB).unwrap());
    });
    assert_eq!(reap(child), 0);
    drop(large);
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
                Err(ShmError::Kernel { .. }) => {}
                other => panic!("{other:?}"),
            }
            limit(resource, libc::RLIM_INFINITY);
            assert!(!path(&name("limit")).exists());
            assert!(SharedMemory::create(&name("limit"), 1).is_ok(), "it passes");
        });
        assert_eq!(reap(child), 0);
    };
    refused(libc::RLIMIT_FSIZE, 1 << 16, 1 << 17);
    refused(libc::RLIMIT_FSIZE, 0, 1);
    refused(libc::RLIMIT_FSIZE, 600, 600);
    refused(libc::RLIMIT_NOFILE, 3, 10);
    leaks.check();
}

/// A segment never gets the number of standard input, output or error.
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

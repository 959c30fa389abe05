//! Processes and threads with names that are no text: the kernel cuts them after 15 bytes, wherever that is, and takes any bytes.
//! `unsafe`: names given by the system call, a thread that ends behind the runtime's back.
#![allow(unsafe_code)]

mod common;

use std::ffi::CStr;
use std::fs;
use std::mem;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::{AcquireError, LockError, Mutex, RobustSemaphore};
use multiproc_testkit::{Watchdog, eventually};

const NAMES: [&CStr; 3] = [c"\xff\xfe", c"\xff) S (\x80", c"ein l\xc3\xa4ngerer \xc3\x9f"];

/// Names the calling thread, and its process if it is the first one.
fn become_named(name: &CStr) {
    // SAFETY: a string that outlives the call.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) }, 0);
    let comm = fs::read("/proc/thread-self/comm").unwrap();
    assert!(String::from_utf8(comm).is_err(), "it is no text");
}

#[test]
fn a_process_with_any_name_gets_a_lock() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    for name in NAMES {
        let child = fork(|| {
            become_named(name);
            *mutex.lock().unwrap() += 1;
        });
        assert_eq!(reap(child), 0, "{name:?}");
    }
    assert_eq!(*mutex.lock().unwrap(), NAMES.len() as u64);
}

#[test]
fn a_process_with_any_name_is_seen_to_live_and_to_end() {
    let _watchdog = Watchdog::with_limit(60);
    for name in NAMES {
        let semaphore = share(RobustSemaphore::<1>::new());
        let holder = fork(|| {
            let _permit = semaphore.acquire().unwrap();
            become_named(name);
            idle();
        });
        eventually("it has the permit", || semaphore.available() == 0);
        assert_eq!(semaphore.try_acquire().map(drop), Err(AcquireError::TimedOut));
        kill(holder);
        drop(semaphore.try_acquire().expect("its holder is dead"));
    }
}

/// To tell where a process goes, all its threads are read.
#[test]
fn a_process_with_threads_of_any_name_is_seen_to_live_on() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, held) = (share(Mutex::new(0_u64)), flag());
    let owner = fork(|| {
        // The runtime cuts a name as the kernel does.
        let long = thread::Builder::new().name("sieben Brüder äöü".to_owned());
        long.spawn(|| idle()).unwrap();
        let named = flag();
        thread::spawn(|| {
            become_named(NAMES[1]);
            named.store(1, SeqCst);
            idle();
        });
        eventually("it has its name", || named.load(SeqCst) == 1);
        // The process has its name in the family by then.
        drop(mutex.lock().unwrap());
        become_named(NAMES[0]);
        thread::spawn(|| {
            mem::forget(mutex.lock().unwrap());
            held.store(1, SeqCst);
            // SAFETY: ends the thread alone; nothing of it is joined.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        });
        idle();
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    let told = mutex.lock();
    assert!(matches!(told, Err(LockError::OwnerLeft)), "{told:?}");
    drop(told);
    kill(owner);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
}

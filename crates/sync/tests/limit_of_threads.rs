//! A family with as many threads as it can have: one more is told, and changes nothing. `unsafe`: threads that end past the runtime, and
//! a registry's bytes.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // words of the registry's

mod common;
mod limited;

use std::fs;
use std::mem;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use common::{Fork, flag, fork, found_family, idle, kill, reap};
use limited::Locks;
use multiproc_sync::IdentityError;
use multiproc_sync::registry::{MAX_PROCESSES, MAX_THREADS};
use multiproc_testkit::{Watchdog, eventually, state_of};

/// As many names are made; the others are copies of these, as if the process had ended so many more threads: to make all takes long.
const MADE: usize = 255;

/// The thread that is here has the first.
const HERE: usize = 1;

/// A process with all names but one, and one thread. Threads that end without order keep theirs until their process ends.
fn crowd(locks: Locks) -> Fork {
    let named = flag();
    let crowd = fork(|| {
        for _ in 0..MADE {
            let ends = move || {
                drop(locks.mutex.lock().unwrap());
                named.fetch_add(1, SeqCst);
                // SAFETY: ends the thread alone; nothing of it is joined, and its stack is left to the process's end.
                unsafe { libc::syscall(libc::SYS_exit, 0) };
            };
            mem::forget(thread::Builder::new().stack_size(1 << 16).spawn(ends).unwrap());
        }
        // The last one's entry is the kernel's until it is gone.
        eventually("they have ended", || fs::read_dir("/proc/self/task").unwrap().count() == 1);
        assert_eq!(named.load(SeqCst) as usize, MADE);
        multiply(HERE..HERE + MADE);
        named.fetch_add(1, SeqCst);
        idle();
    });
    eventually("it is there", || named.load(SeqCst) as usize > MADE || state_of(crowd.pid()) == Some('Z'));
    assert_ne!(state_of(crowd.pid()), Some('Z'));
    crowd
}

/// Fills the section of threads with copies of those entries.
fn multiply(made: Range<usize>) {
    const USED_AT: usize = 36;
    const ENTRY: usize = 64;
    let registry = found_family();
    // SAFETY: within the registry, whose threads come after a page and the processes; nobody else claims an entry meanwhile.
    unsafe {
        let threads = registry.add(4096 + MAX_PROCESSES * ENTRY);
        let used = AtomicU32::from_ptr(registry.add(USED_AT).cast().as_ptr());
        assert_eq!(used.swap(MAX_THREADS as u32, SeqCst) as usize, made.end);
        for to in made.end..MAX_THREADS {
            let from = made.start + to % made.len();
            threads.add(to * ENTRY).copy_from_nonoverlapping(threads.add(from * ENTRY), ENTRY);
        }
    }
}

#[test]
fn one_thread_more_than_a_family_can_have_is_told() {
    let _watchdog = Watchdog::with_limit(120);
    let locks = Locks::new();
    locks.use_all();
    let crowd = crowd(locks);
    let one_more = || thread::spawn(move || locks.refuse(IdentityError::TooManyThreads));
    assert!(one_more().join().unwrap());
    // Who has a name goes on, also with what others were refused.
    locks.use_all();
    let elsewhere = fork(|| assert!(locks.refuse(IdentityError::TooManyThreads)));
    assert_eq!(reap(elsewhere), 0);
    // Names of the dead are had again.
    kill(crowd);
    thread::spawn(move || locks.use_all()).join().unwrap();
    locks.use_all();
}

//! A fork that has begun before the process locks for the first time; the only test of its program. `unsafe`: libc's hooks.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::{mem, thread};

use common::{flag, fork, idle, kill, share};
use multiproc_sync::{LockError, Mutex};
use multiproc_testkit::{Watchdog, eventually};

static FORKING: AtomicBool = AtomicBool::new(false);
static LOCKED: AtomicBool = AtomicBool::new(false);

/// A library's hook that takes a while before a fork, as those that take the library's locks do.
extern "C" fn before_a_fork() {
    FORKING.store(true, SeqCst);
    eventually("the other thread has locked for the first time", || LOCKED.load(SeqCst));
}

#[test]
fn a_fork_that_began_before_the_first_lock_has_a_name_of_its_own() {
    let _watchdog = Watchdog::with_limit(60);
    // SAFETY: a function that is there to the end.
    unsafe { libc::pthread_atfork(Some(before_a_fork), None, None) };
    let (mutex, held) = (share(Mutex::new(0_u64)), flag());
    thread::scope(|scope| {
        scope.spawn(|| {
            let child = fork(|| {
                mem::forget(mutex.lock().unwrap());
                held.store(1, SeqCst);
                idle();
            });
            // Here: it dies with the thread that has forked it.
            eventually("the child has the lock", || held.load(SeqCst) == 1);
            kill(child);
        });
        eventually("the fork has begun", || FORKING.load(SeqCst));
        *mutex.lock().unwrap() += 1;
        LOCKED.store(true, SeqCst);
    });
    let told = mutex.lock();
    assert!(matches!(told, Err(LockError::OwnerDied(_))), "its owner's process has ended: {told:?}");
}

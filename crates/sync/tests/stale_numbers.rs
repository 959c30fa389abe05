//! A lock whose owner died and that the kernel has missed, as one that was among more than it follows; and a thread that came to have the dead
//! one's number since. It does not take the lock for its own. `unsafe`: the lock's word is written behind its back.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // words of the lock, not the lock

mod common;
mod theirs;

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use common::{flag, fork, idle, kill, reap, share, thread_id};
use multiproc_sync::{LockResult, ReentrantMutex};
use multiproc_testkit::{Watchdog, eventually};
use theirs::Theirs;

type Number = ReentrantMutex<AtomicU64>;

/// The word that the kernel knows the lock by.
fn word_of(mutex: &Number) -> &AtomicU32 {
    // SAFETY: the lock begins with its word, of which every value is one.
    unsafe { AtomicU32::from_ptr(ptr::from_ref(mutex).cast::<u32>().cast_mut()) }
}

/// One that a dead thread has for good, for the kernel; and the number of that.
fn missed_by_the_kernel() -> &'static Number {
    const FOLLOWED: usize = 2048;
    let (mutex, theirs, ready) = (share(Number::new(AtomicU64::new(0))), Theirs::several(FOLLOWED), flag());
    let owner = fork(|| {
        mem::forget(mutex.lock().unwrap());
        theirs.iter().for_each(|theirs| mem::forget(theirs.lock()));
        ready.store(1, SeqCst);
        idle();
    });
    let number = owner.pid();
    eventually("it has them all", || ready.load(SeqCst) == 1);
    kill(owner);
    assert_eq!(word_of(mutex).load(SeqCst), number, "the kernel has come to it");
    mutex
}

/// Whether it was refused as one that the thread has, with or without a report.
fn is_deadlock<G>(refused: LockResult<G>) -> bool {
    refused.err().is_some_and(|error| format!("{error:?}").starts_with("Deadlock"))
}

#[test]
fn a_number_alone_is_no_owner() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = missed_by_the_kernel();
    let locker = fork(|| {
        // As if the kernel had given the number anew.
        word_of(mutex).store(thread_id(), SeqCst);
        for _ in 0..3 {
            assert!(is_deadlock(mutex.lock()));
            assert!(is_deadlock(mutex.try_lock()));
            assert!(!mutex.is_held_by_this_thread());
        }
        // Nor does it stand in the way of others.
        let other = share(Number::new(AtomicU64::new(0)));
        drop((other.lock().unwrap(), other.lock().unwrap()));
        assert!(!other.is_locked());
    });
    assert_eq!(reap(locker), 0);
}

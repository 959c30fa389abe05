//! What a writer that goes on as a reader waits for, it waits for whatever signals come: their hook is not asked. `unsafe`: a slot that is
//! written behind the lock's back.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // a word of the lock, not the lock

mod common;
mod signals;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

use common::{flag, fork, idle, reap, share};
use multiproc_sync::{RwLock, RwLockWriteGuard, interrupt};
use multiproc_testkit::{Watchdog, eventually, state_of};
use signals::{handle, notes, signal_until};

type Lock = RwLock<u64, 1>;

/// The claim of the one slot.
fn slot_of(lock: &Lock) -> &AtomicU64 {
    const SLOT: usize = 128;
    // SAFETY: the slot is the second part of 128 bytes, and begins with its claim, of which every value is one.
    unsafe { AtomicU64::from_ptr(std::ptr::from_ref(lock).cast::<u8>().add(SLOT).cast_mut().cast()) }
}

/// How often the hook was asked.
static ASKED: AtomicU32 = AtomicU32::new(0);

/// As a program's that is to end, and says so to every wait.
fn breaks() -> ControlFlow<()> {
    ASKED.fetch_add(1, SeqCst);
    ControlFlow::Break(())
}

#[test]
fn no_hook_is_asked_about_a_writer_that_goes_on_as_a_reader() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let (lock, stage): (&Lock, _) = (share(RwLock::with_readers(0)), flag());
    // A process that lives, and its name.
    let reader = fork(|| {
        let guard = lock.read().unwrap();
        stage.store(1, SeqCst);
        eventually("its name is known", || stage.load(SeqCst) == 2);
        drop(guard);
        stage.store(3, SeqCst);
        idle();
    });
    eventually("it reads", || stage.load(SeqCst) == 1);
    let name = slot_of(lock).load(SeqCst);
    stage.store(2, SeqCst);
    eventually("it has left", || stage.load(SeqCst) == 3);
    let writer = fork(|| {
        interrupt::install(breaks).unwrap();
        let guard = lock.write().unwrap();
        // As if the other one had taken it, not yet seen that somebody writes, and been stopped there.
        slot_of(lock).store(name, SeqCst);
        stage.store(4, SeqCst);
        let guard = RwLockWriteGuard::downgrade(guard);
        assert_eq!((lock.readers(), lock.has_writer(), *guard), (1, false, 0));
        assert_eq!(ASKED.load(SeqCst), 0, "it is not for the hook to end this");
    });
    eventually("it waits", || stage.load(SeqCst) == 4 && state_of(writer.pid()) == Some('S'));
    let mut signals = 0;
    signal_until(&writer, || {
        signals += 1;
        signals > 20
    });
    assert!(lock.has_writer());
    slot_of(lock).store(0, SeqCst);
    assert_eq!(reap(writer), 0);
    assert!(lock.try_write().is_ok());
    drop(reader);
}

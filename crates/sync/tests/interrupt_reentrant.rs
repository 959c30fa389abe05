//! A signal that ends a wait with several levels of a mutex: however the hook ends it, the outer guards have the lock afterwards.
#![allow(clippy::disallowed_types)] // flags beside the mutex, not the mutex

mod common;
mod signals;

use std::mem;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;

use common::{flag, fork, found_family, reap, share};
use multiproc_sync::{Condvar, LockError, ReentrantMutex, ReentrantMutexGuard, interrupt};
use multiproc_testkit::{Watchdog, state_of};
use signals::{arm, ends_by_signals, handle, panics, signal_until};

type Number = ReentrantMutex<AtomicU64>;
type Guard<'a> = ReentrantMutexGuard<'a, AtomicU64>;

/// One for threads, and one for processes.
fn both() -> [(&'static Number, &'static Condvar); 2] {
    let number = || ReentrantMutex::new(AtomicU64::new(0));
    let private = Box::leak(Box::new((number(), Condvar::new())));
    [(&private.0, &private.1), (share(number()), share(Condvar::new()))]
}

/// Another thread can have it.
fn is_free(mutex: &'static Number) -> bool {
    thread::spawn(move || mutex.try_lock().is_ok()).join().unwrap()
}

/// Calls of the hook since a signal came.
static CALLS: OnceLock<&'static AtomicU32> = OnceLock::new();

static SIGNALLED: AtomicU32 = AtomicU32::new(0);

/// The one handler of all tests here, which have the process in common.
extern "C" fn notes(signal: i32) {
    SIGNALLED.fetch_add(1, SeqCst);
    signals::notes(signal);
}

/// As a program's that is to end, and says so to every wait.
fn breaks() -> ControlFlow<()> {
    if SIGNALLED.load(SeqCst) == 0 {
        return ControlFlow::Continue(());
    }
    if let Some(calls) = CALLS.get() {
        calls.fetch_add(1, SeqCst);
    }
    ControlFlow::Break(())
}

/// Waits until something ends it.
fn wait<'a>(come: &Condvar, mut guard: Guard<'a>) -> LockError<Guard<'a>> {
    loop {
        match come.wait(guard) {
            Ok(again) => guard = again,
            Err(error) => return error,
        }
    }
}

#[test]
fn a_signal_leaves_the_lock_to_the_outer_guards() {
    let _watchdog = Watchdog::with_limit(60);
    found_family(); // the fork could wait for a thread that was at it
    handle(notes);
    let waits = fork(|| {
        interrupt::install(breaks).unwrap();
        for (mutex, come) in both() {
            SIGNALLED.store(0, SeqCst);
            let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
            assert!(matches!(wait(come, inner), LockError::Interrupted));
            assert_eq!((Guard::depth(&outer), is_free(mutex)), (1, false));
            drop(outer);
            assert!(is_free(mutex));
            // And without outer guards it is free at once.
            SIGNALLED.store(0, SeqCst);
            assert!(matches!(wait(come, mutex.lock().unwrap()), LockError::Interrupted));
            assert!(is_free(mutex));
        }
    });
    assert!(ends_by_signals(waits));
}

/// Another has the lock when the signal comes, and for some time and some signals after.
#[test]
fn the_outer_guards_wait_for_the_lock_whatever_signals_come() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let [_, (mutex, come)] = both();
    let (calls, waiting) = (flag(), flag());
    let waits = fork(|| {
        CALLS.set(calls).unwrap();
        interrupt::install(breaks).unwrap();
        let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
        waiting.store(1, SeqCst);
        assert!(matches!(wait(come, inner), LockError::Interrupted));
        assert_eq!((Guard::depth(&outer), outer.load(SeqCst)), (1, 7));
    });
    multiproc_testkit::eventually("it waits", || waiting.load(SeqCst) == 1);
    let guard = mutex.lock().unwrap();
    come.notify_all(); // to end the wait for the condition, or the one for the lock
    signal_until(&waits, || calls.load(SeqCst) > 0);
    let mut more = 0;
    signal_until(&waits, || {
        more += 1;
        more > 20
    });
    assert_ne!(state_of(waits.pid()), Some('Z'), "it goes on without the lock");
    guard.store(7, SeqCst);
    drop(guard);
    assert_eq!(reap(waits), 0);
}

#[test]
fn a_hook_that_panics_leaves_the_lock_to_the_outer_guards() {
    let _watchdog = Watchdog::with_limit(60);
    found_family(); // the fork could wait for a thread that was at it
    handle(notes);
    let waits = fork(|| {
        interrupt::install(panics).unwrap();
        for (mutex, come) in both() {
            arm();
            let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
            assert!(catch_unwind(AssertUnwindSafe(|| drop(wait(come, inner)))).is_err());
            assert_eq!((Guard::depth(&outer), is_free(mutex)), (1, false));
            assert!(!mutex.is_poisoned(), "nobody had it when the hook panicked");
            drop(outer);
            assert!(is_free(mutex));
            arm();
            assert!(catch_unwind(|| drop(wait(come, mutex.lock().unwrap()))).is_err());
            assert!(is_free(mutex));
        }
    });
    assert!(ends_by_signals(waits));
}

/// The panic unwinds the outer guard too.
#[test]
fn a_panic_through_the_outer_guards_poisons() {
    let _watchdog = Watchdog::with_limit(60);
    found_family(); // the fork could wait for a thread that was at it
    handle(notes);
    let waits = fork(|| {
        interrupt::install(panics).unwrap();
        for (mutex, come) in both() {
            arm();
            let caught = catch_unwind(|| {
                let _outer = mutex.lock().unwrap();
                drop(wait(come, mutex.lock().unwrap()));
            });
            assert!(caught.is_err() && mutex.is_poisoned() && is_poisoned_and_free(mutex));
        }
    });
    assert!(ends_by_signals(waits));

    fn is_poisoned_and_free(mutex: &'static Number) -> bool {
        thread::spawn(move || matches!(mutex.try_lock(), Err(LockError::Poisoned(_)))).join().unwrap()
    }
}

/// The mutex and condition of the hook below.
static MINE: OnceLock<(&'static Number, &'static Condvar)> = OnceLock::new();

/// Locks what the wait has let go, and keeps it.
fn keeps() -> ControlFlow<()> {
    let (mutex, come) = MINE.get().unwrap();
    if SIGNALLED.swap(0, SeqCst) > 0 && !mutex.is_held_by_this_thread() {
        let guard = mutex.lock().unwrap();
        guard.store(1, SeqCst);
        mem::forget(guard);
        come.notify_all();
    }
    ControlFlow::Continue(())
}

#[test]
fn a_guard_that_the_hook_keeps_counts_beside_the_others() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    for (mutex, come) in both() {
        let waits = fork(|| {
            MINE.set((mutex, come)).unwrap();
            interrupt::install(keeps).unwrap();
            let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
            let inner = come.wait_while(inner, |n| n.load(SeqCst) == 0).unwrap();
            assert_eq!(Guard::depth(&inner), 3);
            drop((inner, outer));
            assert!(mutex.is_held_by_this_thread());
        });
        assert!(ends_by_signals(waits));
    }
}

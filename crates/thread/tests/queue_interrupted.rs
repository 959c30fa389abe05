//! Signals that come to threads that wait at a queue. `unsafe`: installs a handler and sends signals to threads.
#![allow(clippy::disallowed_types)] // what a test counts
#![allow(unsafe_code)]

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use multiproc_sync::interrupt;
use multiproc_testkit::{Watchdog, eventually};
use multiproc_thread::{GetError, PutError, Queue, SimpleQueue, UnfinishedError};

static HANDLED: AtomicU32 = AtomicU32::new(0);
static END: AtomicBool = AtomicBool::new(false);
static PANIC: AtomicBool = AtomicBool::new(false);

extern "C" fn handler(_: i32) {
    HANDLED.fetch_add(1, SeqCst);
}

fn hook() -> ControlFlow<()> {
    if PANIC.swap(false, SeqCst) {
        std::panic::resume_unwind(Box::new("in the hook"));
    }
    if END.load(SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Sends signals to the thread that waits until its wait has ended; gives how.
fn signalled<T: Send>(wait: impl FnOnce() -> T + Send) -> T {
    let number = AtomicU64::new(0);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            // SAFETY: cannot fail.
            number.store(unsafe { libc::pthread_self() }, SeqCst);
            wait()
        });
        eventually("the thread runs", || number.load(SeqCst) != 0);
        eventually("the wait ends", || {
            // SAFETY: a thread that is not joined yet.
            unsafe { libc::pthread_kill(number.load(SeqCst), libc::SIGUSR1) };
            waiter.is_finished()
        });
        waiter.join().unwrap()
    })
}

/// One process has one hook, so that it is one test.
#[test]
fn a_hook_ends_waits_and_nobody_elses_wake_up_is_lost() {
    let _dog = Watchdog::with_limit(120);
    // SAFETY: the structure is complete, the handler touches an atomic only.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
    }
    interrupt::install(hook).unwrap();
    let (empty, full) = (Queue::<u32>::bounded(1), Queue::bounded(1));
    full.put(1).unwrap();

    // A signal alone ends nothing.
    let number = AtomicU64::new(0);
    thread::scope(|scope| {
        let before = HANDLED.load(SeqCst);
        let getter = scope.spawn(|| {
            // SAFETY: cannot fail.
            number.store(unsafe { libc::pthread_self() }, SeqCst);
            empty.get()
        });
        eventually("the thread runs", || number.load(SeqCst) != 0);
        // SAFETY: a thread that is not joined yet.
        unsafe { libc::pthread_kill(number.load(SeqCst), libc::SIGUSR1) };
        eventually("it was handled", || HANDLED.load(SeqCst) > before);
        empty.put(7).unwrap();
        assert_eq!(getter.join().unwrap(), Ok(7));
    });

    END.store(true, SeqCst);
    assert_eq!(signalled(|| empty.get()), Err(GetError::Interrupted));
    assert_eq!(signalled(|| full.put(2)), Err(PutError::Interrupted(2)));
    assert_eq!(signalled(|| full.join()), Err(UnfinishedError::Interrupted));
    assert_eq!(signalled(|| empty.iter().count()), 0, "an iteration ends");
    assert_eq!(signalled(|| SimpleQueue::<u32>::new().get()), Err(GetError::Interrupted));
    END.store(false, SeqCst);

    // The hook panics in the wait of one of two.
    thread::scope(|scope| {
        let patient = scope.spawn(|| std::panic::catch_unwind(AssertUnwindSafe(|| empty.get())));
        PANIC.store(true, SeqCst);
        let other = signalled(|| {
            std::panic::catch_unwind(AssertUnwindSafe(|| {
                while PANIC.load(SeqCst) {
                    let _ = empty.get_timeout(Duration::from_millis(1));
                }
            }))
        });
        empty.put(8).unwrap();
        match patient.join().unwrap() {
            Ok(got) => assert_eq!(got, Ok(8)),
            Err(_) => assert!(other.is_ok() && empty.get() == Ok(8)), // it was this one's
        }
    });

    // Who was interrupted has left nothing behind: each put wakes one who waits.
    assert_eq!((full.len(), empty.len()), (1, 0));
    thread::scope(|scope| {
        let getters = [(); 3].map(|()| scope.spawn(|| empty.get()));
        (0..3).for_each(|n| empty.put(n).unwrap());
        getters.into_iter().for_each(|getter| assert!(getter.join().unwrap().is_ok()));
    });
}

//! A signal that comes to a thread which waits, but is not asleep at that moment, ends the wait like any other. `unsafe`: installs
//! a handler, and sends signals to threads.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // what a handler notes

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use multiproc_sync::{Doorbell, Event, Mutex, Pace, WaitError, interrupt};
use multiproc_testkit::{Watchdog, eventually};

/// A signal came that nobody has been told of.
static PENDING: AtomicBool = AtomicBool::new(false);

extern "C" fn handler(_: i32) {
    PENDING.store(true, SeqCst);
}

fn hook() -> ControlFlow<()> {
    if PENDING.swap(false, SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn handle(signal: i32) {
    // SAFETY: the structure is complete, the handler touches an atomic only.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(signal, &raw const action, std::ptr::null_mut()), 0);
    }
}

/// Far beyond what any of these waits takes.
fn late() -> Instant {
    Instant::now() + Duration::from_secs(50)
}

/// One process has one hook and one flag, so that the cases come one after the other.
#[test]
fn one_signal_at_any_time_ends_a_wait() {
    let _watchdog = Watchdog::with_limit(120);
    handle(libc::SIGUSR1);
    interrupt::install(hook).unwrap();
    between_two_looks();
    a_moment_after_the_wait_began();
    before_a_lock_is_waited_for();
}

fn between_two_looks() {
    for at in 1..6 {
        let mut looks = 0;
        let waited = Doorbell::new().wait(&Pace::new(), Some(late()), || {
            looks += 1;
            if looks == at {
                // SAFETY: the handler is one for it.
                unsafe { libc::raise(libc::SIGUSR1) };
            }
            None::<()>
        });
        assert_eq!(waited, Err(WaitError::Interrupted), "at look {at}");
        assert!(!PENDING.load(SeqCst));
    }
}

/// Most of these come while the thread spins.
fn a_moment_after_the_wait_began() {
    for round in 0..60 {
        let (event, number, begun) = (Event::new(), AtomicU64::new(0), AtomicBool::new(false));
        let waited = thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                // SAFETY: cannot fail.
                number.store(unsafe { libc::pthread_self() }, SeqCst);
                begun.store(true, SeqCst);
                event.wait_deadline(late())
            });
            eventually("it begins", || begun.load(SeqCst));
            let end = Instant::now() + Duration::from_micros(round);
            while Instant::now() < end {}
            // SAFETY: a thread that is not joined yet.
            unsafe { libc::pthread_kill(number.load(SeqCst), libc::SIGUSR1) };
            waiter.join().unwrap()
        });
        assert_eq!(waited, Err(WaitError::Interrupted));
    }
}

/// It is found at the latest when the thread has slept for a second.
fn before_a_lock_is_waited_for() {
    let mutex = Mutex::new(());
    let _held = mutex.lock().unwrap();
    PENDING.store(true, SeqCst);
    let waited = thread::scope(|scope| scope.spawn(|| mutex.lock_deadline(late()).map(drop).is_err()).join());
    assert!(waited.unwrap() && !PENDING.load(SeqCst));
}

//! Signals to a thread that waits for another one, in a program with a hook. `unsafe`: installs a handler and sends signals.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // what a handler notes

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;

use multiproc_sync::interrupt;
use multiproc_testkit::{Watchdog, eventually};
use multiproc_thread::{EndError, JoinError, Thread};

static CAME: AtomicBool = AtomicBool::new(false);

extern "C" fn handler(_: i32) {
    CAME.store(true, SeqCst);
}

/// One test, as the hook is the process's.
#[test]
fn a_signal_ends_waits_and_joins_and_the_thread_goes_on() {
    let _watchdog = Watchdog::with_limit(60);
    // SAFETY: the structure is complete, and the handler touches an atomic only.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
    }
    let hook = || if CAME.load(SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    interrupt::install(hook).unwrap();

    let waits: [fn(Thread<()>) -> bool; 4] = [
        |thread| thread.wait() == Err(EndError::Interrupted),
        |thread| thread.wait_timeout(Duration::from_secs(3600)) == Err(EndError::Interrupted),
        |thread| matches!(thread.join(), Err(JoinError::Interrupted)),
        |thread| matches!(thread.join_timeout(Duration::MAX), Ok(Err(JoinError::Interrupted))),
    ];
    for wait in waits {
        CAME.store(false, SeqCst);
        let (stop, stopped) = mpsc::channel::<()>();
        let awaited = Thread::spawn(move || while stopped.recv().is_ok() {}).unwrap();
        let reference = awaited.thread().clone();
        let waiter = Thread::spawn(move || wait(awaited)).unwrap();
        let number = i32::try_from(waiter.native_id().unwrap()).unwrap();
        eventually("the signal has ended the wait", || {
            // SAFETY: a signal to a thread of this process; if that has ended it is an error, and nothing else.
            unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), number, libc::SIGUSR1) };
            waiter.is_finished()
        });
        CAME.store(false, SeqCst);
        assert!(waiter.join().unwrap());
        assert!(reference.is_alive());
        drop(stop);
        reference.wait().unwrap();
    }
}

//! Signals to one who waits for the process of a dead owner. `unsafe`: handlers, timers, limits, and a thread that ends behind the
//! runtime's back.
#![allow(unsafe_code)]

mod common;
mod signals;

use std::mem;
use std::ptr;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use common::filter::forbid;
use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{IdentityError, LockError, Mutex, interrupt};
use multiproc_testkit::{Watchdog, eventually};

/// A process that lives on after its thread has ended with the lock, without order.
fn bereaved(mutex: &'static Mutex<u64>) -> Fork {
    let held = flag();
    let owner = fork(|| {
        thread::spawn(|| {
            mem::forget(mutex.lock().unwrap());
            held.store(1, SeqCst);
            // SAFETY: ends the thread alone; nothing of it is joined.
            unsafe { libc::syscall(libc::SYS_exit, 0) };
        });
        idle();
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    owner
}

extern "C" fn nothing(_: i32) {}

/// From now on a signal comes each millisecond.
fn be_disturbed() {
    signals::handle(nothing);
    let often = libc::timeval { tv_sec: 0, tv_usec: 1000 };
    let timer = libc::itimerval { it_interval: often, it_value: often };
    // SAFETY: the structures are complete; the handler of the one signal serves the other too.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        assert_eq!(libc::sigaction(libc::SIGUSR1, ptr::null(), &raw mut action), 0);
        assert_eq!(libc::sigaction(libc::SIGALRM, &raw const action, ptr::null_mut()), 0);
        assert_eq!(libc::setitimer(libc::ITIMER_REAL, &raw const timer, ptr::null_mut()), 0);
    }
}

/// No descriptor can be opened from now on.
fn lack_descriptors() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a structure that is complete.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const none) }, 0);
}

#[test]
fn signals_do_not_shorten_the_time_for_which_an_end_is_waited_for() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, own) = (share(Mutex::new(0_u64)), share(Mutex::new(0_u64)));
    let owner = bereaved(mutex);
    let lockers = [false, true].map(|is_blind| {
        fork(|| {
            drop(own.lock().unwrap());
            if is_blind {
                lack_descriptors();
            }
            be_disturbed();
            let begin = Instant::now();
            match mutex.lock().map(drop) {
                Err(LockError::OwnerLeft) => assert!(!is_blind),
                Err(LockError::Identity(IdentityError::OwnerUnseen)) => assert!(is_blind),
                other => panic!("{other:?}"),
            }
            assert!(begin.elapsed() >= Duration::from_secs(3), "after {:?}", begin.elapsed());
        })
    });
    lockers.into_iter().for_each(|locker| assert_eq!(reap(locker), 0));
    kill(owner);
}

/// Descriptors of processes can be waited for; without them the process is looked at again and again.
#[test]
fn a_signal_from_before_the_wait_ends_it() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, own) = (share(Mutex::new(0_u64)), share(Mutex::new(0_u64)));
    let owner = bereaved(mutex);
    let lockers = [false, true].map(|has_no_pidfds| {
        fork(|| {
            drop(own.lock().unwrap());
            if has_no_pidfds {
                forbid(libc::SYS_pidfd_open);
            }
            signals::handle(signals::notes);
            interrupt::install(signals::breaks_once).unwrap();
            // SAFETY: the handler is one for it.
            unsafe { libc::raise(libc::SIGUSR1) };
            let told = mutex.lock().map(drop);
            assert!(matches!(told, Err(LockError::Interrupted)), "{told:?}");
            // Served once, it ends no other wait.
            let told = mutex.lock().map(drop);
            assert!(matches!(told, Err(LockError::OwnerLeft)), "{told:?}");
        })
    });
    lockers.into_iter().for_each(|locker| assert_eq!(reap(locker), 0));
    kill(owner);
}

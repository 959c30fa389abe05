//! Parties that get out of their wait in other ways than together: by a panic, a signal, an error, a fork, another program, or not at
//! all. `unsafe`: signals, forks, exec, and a mutex's word that is written behind its back.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags beside the barrier, not the barrier

mod common;
mod signals;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{Barrier, BarrierError, MAX_HELD, Mutex, interrupt};
use multiproc_testkit::{Watchdog, eventually, is_running};
use signals::{Stopped, arm, breaks_once, ends_by_signals, handle, notes, panics};

fn placed(parties: u32) -> &'static Barrier {
    share(Barrier::new(parties).unwrap())
}

fn both(parties: u32) -> [&'static Barrier; 2] {
    [Box::leak(Box::new(Barrier::new(parties).unwrap())), placed(parties)]
}

extern "C" fn ends_its_thread(_: i32) {
    // SAFETY: ends the calling thread, of which nobody uses anything.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
}

/// The hook of a signal may panic: who is caught after it is no party any more, and the others are told.
#[test]
fn a_panic_out_of_the_wait_breaks_it_and_leaves_no_place_behind() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let barriers = both(2);
    let waits = fork(|| {
        interrupt::install(panics).unwrap();
        for barrier in barriers {
            arm();
            assert!(catch_unwind(AssertUnwindSafe(|| barrier.wait())).is_err());
            assert_eq!((barrier.is_broken(), barrier.waiting()), (Ok(true), Ok(0)));
            assert_eq!(barrier.wait_timeout(Duration::ZERO), Err(BarrierError::Broken));
            barrier.reset().unwrap();
            assert_eq!(barrier.wait_timeout(Duration::ZERO), Err(BarrierError::TimedOut), "it is alone");
        }
    });
    assert!(ends_by_signals(waits));

    let barrier = placed(3);
    let waits = fork(|| {
        interrupt::install(panics).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| barrier.wait())).is_err());
    });
    thread::scope(|scope| {
        let other = scope.spawn(|| barrier.wait());
        eventually("both wait", || barrier.waiting() == Ok(2));
        assert!(ends_by_signals(waits));
        assert_eq!(other.join().unwrap(), Err(BarrierError::Broken));
    });
}

/// It waits for the mutex, as the bearer of that is stopped: who waits for it is told all the same.
#[test]
fn a_panic_before_one_has_come_breaks_it() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let barrier = placed(2);
    let waits = fork(|| assert_eq!(barrier.wait(), Err(BarrierError::Broken)));
    eventually("it waits", || barrier.waiting() == Ok(1));
    let stopped = Stopped::with(barrier);
    let comes = fork(|| {
        interrupt::install(panics).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| barrier.wait())).is_err());
    });
    assert!(ends_by_signals(comes));
    stopped.goes_on();
    eventually("it is told", || !is_running(waits.pid()));
    assert_eq!(reap(waits), 0);
    assert_eq!(barrier.is_broken(), Ok(true));
}

/// All of a round have come, and its action runs: whose hook panics while it waits for the next one breaks nobody's.
#[test]
fn a_panic_of_one_that_is_over_breaks_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let (barrier, acts, begun) = (placed(2), flag(), flag());
    let parties = [(); 2].map(|()| {
        fork(|| {
            let act = || {
                acts.store(1, SeqCst);
                eventually("the action is to end", || acts.load(SeqCst) == 2);
            };
            assert!(barrier.wait_with(act).is_ok());
        })
    });
    eventually("the action has begun", || acts.load(SeqCst) == 1);
    let over = fork(|| {
        interrupt::install(panics).unwrap();
        begun.store(1, SeqCst);
        assert!(catch_unwind(AssertUnwindSafe(|| barrier.wait())).is_err());
    });
    eventually("it has begun", || begun.load(SeqCst) == 1);
    assert!(ends_by_signals(over));
    acts.store(2, SeqCst);
    assert_eq!(parties.map(reap), [0; 2]);
    assert_eq!((barrier.is_broken(), barrier.waiting()), (Ok(false), Ok(0)));
}

#[test]
fn one_that_is_stopped_with_the_mutex_does_not_keep_others_beyond_their_time() {
    let _watchdog = Watchdog::with_limit(60);
    let barrier = placed(2);
    let stopped = Stopped::with(barrier);
    let late =
        fork(|| assert_eq!(barrier.wait_timeout(Duration::from_millis(50)), Err(BarrierError::TimedOut)));
    assert_eq!(reap(late), 0);
    stopped.goes_on();
    assert_eq!(barrier.is_broken(), Ok(true), "who gives up has broken it");
    barrier.reset().unwrap();
    thread::scope(|scope| {
        [(); 2].map(|()| scope.spawn(|| barrier.wait().unwrap())).map(|party| _ = party.join())
    });
}

#[test]
fn a_signal_ends_a_wait_also_before_and_after_it_has_slept() {
    let _watchdog = Watchdog::with_limit(120);
    handle(notes);
    let waits: [fn(&Barrier) -> BarrierError; 3] = [
        |barrier| barrier.wait().unwrap_err(),
        |barrier| barrier.wait_timeout(Duration::MAX).unwrap_err(),
        |barrier| loop {
            match barrier.abort().unwrap_err() {
                BarrierError::HeldUp => {} // on a busy machine no signal has come yet
                error => break error,
            }
        },
    ];
    for (wait, breaks) in waits.into_iter().zip([true, true, false]) {
        let (barrier, begun) = (placed(2), flag());
        let stopped = Stopped::with(barrier);
        let waits = fork(|| {
            interrupt::install(breaks_once).unwrap();
            begun.store(1, SeqCst);
            assert_eq!(wait(barrier), BarrierError::Interrupted);
        });
        eventually("it has begun", || begun.load(SeqCst) == 1);
        assert!(ends_by_signals(waits));
        stopped.goes_on();
        assert_eq!(barrier.is_broken(), Ok(breaks));
    }
    // And with a place.
    let barrier = placed(3);
    let party = fork(|| {
        interrupt::install(breaks_once).unwrap();
        assert_eq!(barrier.wait(), Err(BarrierError::Interrupted));
    });
    eventually("it waits", || barrier.waiting() == Ok(1));
    let other = fork(|| assert_eq!(barrier.wait(), Err(BarrierError::Broken)));
    eventually("both wait", || barrier.waiting() == Ok(2));
    let stopped = Stopped::with(barrier);
    assert!(ends_by_signals(party));
    stopped.goes_on();
    assert_eq!(reap(other), 0);
    assert_eq!(barrier.waiting(), Ok(0));
    barrier.reset().unwrap();
    let others = [(); 2].map(|()| fork(|| _ = barrier.wait().unwrap()));
    assert!(barrier.wait().is_ok());
    assert_eq!(others.map(reap), [0; 2]);
}

#[test]
fn a_party_that_can_lock_no_more_breaks_it() {
    let _watchdog = Watchdog::with_limit(60);
    let (barrier, others) = (placed(2), share([const { Mutex::new(0_u64) }; MAX_HELD]));
    let waits = fork(|| assert_eq!(barrier.wait(), Err(BarrierError::Broken)));
    eventually("it waits", || barrier.waiting() == Ok(1));
    let mut held = Vec::new();
    let met = barrier.wait_with(|| held.extend(others.iter().map(|other| other.lock().unwrap())));
    assert_eq!(met, Err(BarrierError::TooManyHeld));
    drop(held);
    assert_eq!(reap(waits), 0);
    assert_eq!((barrier.is_broken(), barrier.waiting()), (Ok(true), Ok(0)));
}

#[test]
fn who_comes_last_is_told_of_the_dead_among_the_others() {
    let _watchdog = Watchdog::with_limit(60);
    for _ in 0..5 {
        let barrier = placed(3);
        let victim = fork(|| _ = barrier.wait());
        eventually("it waits", || barrier.waiting() == Ok(1));
        let died = Err(BarrierError::PartyDied { pid: victim.pid() });
        kill(victim);
        let other = fork(|| assert_eq!(barrier.wait(), died));
        eventually("it waits or knows", || barrier.waiting() != Ok(1));
        assert_eq!(barrier.wait_with(|| panic!("not all have come")), died);
        assert_eq!(reap(other), 0);
    }
}

/// A party waits in one thread of a process, in which then `ends` is called with that thread, and that runs on.
fn leaves_its_process_running(ends: fn(libc::pthread_t)) {
    let barrier = placed(3);
    let lives = fork(|| {
        handle(ends_its_thread);
        let party = &AtomicU64::new(0);
        thread::scope(|scope| {
            scope.spawn(move || {
                // SAFETY: cannot fail.
                party.store(unsafe { libc::pthread_self() }, SeqCst);
                barrier.wait()
            });
            eventually("it waits", || barrier.waiting() != Ok(0));
            ends(party.load(SeqCst));
            idle();
        });
    });
    eventually("it waits", || barrier.waiting() == Ok(1));
    let other = fork(|| {
        let met = barrier.wait_timeout(Duration::from_secs(30));
        assert!(matches!(met, Err(BarrierError::PartyDied { .. })), "{met:?}");
    });
    assert_eq!(reap(other), 0);
    assert_eq!(barrier.wait(), Err(BarrierError::PartyDied { pid: lives.pid() }));
    assert!(is_running(lives.pid()));
    kill(lives);
}

#[test]
fn a_party_whose_thread_ends_without_order_breaks_it() {
    let _watchdog = Watchdog::with_limit(60);
    leaves_its_process_running(|party| {
        // SAFETY: the thread runs; its handler ends it.
        assert_eq!(unsafe { libc::pthread_kill(party, libc::SIGUSR1) }, 0);
    });
}

#[test]
fn a_party_whose_process_becomes_another_program_breaks_it() {
    let _watchdog = Watchdog::with_limit(60);
    leaves_its_process_running(|_| {
        let arguments = [c"sleep".as_ptr(), c"60".as_ptr(), ptr::null()];
        // SAFETY: strings and their list end with zeros.
        unsafe { libc::execv(c"/bin/sleep".as_ptr(), arguments.as_ptr()) };
    });
}

/// All have come, and only the action goes on: who is of the next round, and gives up, breaks nobody's.
#[test]
fn who_is_over_breaks_no_round_that_is_complete() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(2) {
        let (acts, gave_up) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let parties = [(); 2].map(|()| {
                scope.spawn(|| {
                    barrier.wait_with(|| {
                        acts.store(true, SeqCst);
                        eventually("the other has given up", || gave_up.load(SeqCst));
                    })
                })
            });
            eventually("the action has begun", || acts.load(SeqCst));
            let over = barrier.wait_timeout(Duration::from_millis(10));
            gave_up.store(true, SeqCst);
            assert_eq!(over, Err(BarrierError::TimedOut));
            assert!(parties.map(|party| party.join().unwrap().is_ok()) == [true; 2]);
        });
        assert_eq!((barrier.is_broken(), barrier.waiting()), (Ok(false), Ok(0)));
    }
}

#[test]
fn threads_of_the_parent_are_no_parties_in_a_fork() {
    let _watchdog = Watchdog::with_limit(60);
    static BARRIER: Barrier = match Barrier::new(2) {
        Ok(barrier) => barrier,
        Err(_) => panic!("not too many"),
    };
    thread::scope(|scope| {
        let waits = scope.spawn(|| BARRIER.wait());
        eventually("it waits", || BARRIER.waiting() == Ok(1));
        let child = fork(|| {
            assert_eq!(BARRIER.waiting(), Ok(0));
            assert_eq!(BARRIER.wait_timeout(Duration::from_millis(20)), Err(BarrierError::TimedOut));
            BARRIER.reset().unwrap();
            thread::scope(|scope| {
                scope.spawn(|| BARRIER.wait().unwrap());
                BARRIER.wait().unwrap();
            });
        });
        assert_eq!(reap(child), 0);
        assert_eq!((BARRIER.waiting(), BARRIER.is_broken()), (Ok(1), Ok(false)));
        BARRIER.wait().unwrap();
        waits.join().unwrap().unwrap();
    });
}

#[test]
fn a_fork_that_panics_in_the_action_breaks_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(1) {
        let (own, mut child) = (std::process::id(), 0);
        let met = catch_unwind(AssertUnwindSafe(|| {
            barrier.wait_with(|| {
                // SAFETY: the fork uses nothing but the barrier, which is for forks, and ends below.
                child = unsafe { libc::fork() };
                if child == 0 {
                    resume_unwind(Box::new("a panic of the fork"));
                }
                assert_eq!(reap(Fork::adopt(child)), 0);
            })
        }));
        if std::process::id() != own {
            // SAFETY: ends the fork without the parent's exit handlers.
            unsafe { libc::_exit(i32::from(met.is_ok())) };
        }
        assert!(met.unwrap().is_ok());
        assert_eq!(barrier.is_broken(), Ok(false));
    }
}

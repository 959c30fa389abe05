//! A condition variable between threads, and between processes that end. `unsafe`: copies a guard as a fork does.
#![allow(clippy::disallowed_types)] // flags beside the condition, not the condition
#![allow(unsafe_code)]

mod common;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::{Condvar, LockError, Mutex, MutexGuard};
use multiproc_testkit::{Watchdog, eventually, state_of};

static GLOBAL: (Mutex<u32>, Condvar) = (Mutex::new(0), Condvar::new());

#[test]
fn threads_hand_a_number_to_and_fro() {
    const ROUNDS: u32 = 2000;
    let _watchdog = Watchdog::with_limit(60);
    let (number, changed) = &GLOBAL;
    let play = |parity| {
        for _ in 0..ROUNDS {
            let mut number = changed.wait_while(number.lock().unwrap(), |n| *n % 2 != parity).unwrap();
            *number += 1;
            changed.notify_one();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| play(1));
        play(0);
    });
    assert_eq!(*number.lock().unwrap(), 2 * ROUNDS);
}

#[test]
fn processes_hand_a_number_to_and_fro() {
    const ROUNDS: u32 = 2000;
    let _watchdog = Watchdog::with_limit(60);
    let (number, changed) = (share(Mutex::new(0_u32)), share(Condvar::new()));
    let play = |parity| {
        for _ in 0..ROUNDS {
            let guard = number.lock().unwrap();
            *changed.wait_while(guard, |n| *n % 2 != parity).unwrap() += 1;
            changed.notify_one();
        }
    };
    let other = fork(|| play(1));
    play(0);
    assert_eq!(reap(other), 0);
    assert_eq!(*number.lock().unwrap(), 2 * ROUNDS);
}

/// As many things are taken as were brought, whoever is woken for them.
#[test]
fn each_notification_brings_somebody_on() {
    const EACH: u32 = 500;
    let _watchdog = Watchdog::with_limit(60);
    let (things, come) = (Mutex::new(0), Condvar::new());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    *come.wait_while(things.lock().unwrap(), |things| *things == 0).unwrap() -= 1;
                }
            });
        }
        for n in 0..4 * EACH / 5 {
            *things.lock().unwrap() += 5;
            if n % 2 == 0 { come.notify(5) } else { (0..5).for_each(|_| come.notify_one()) }
        }
    });
    assert_eq!(*things.lock().unwrap(), 0);
}

#[test]
fn a_notification_wakes_no_more_than_it_says() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come, gone) = (Mutex::new(Vec::new()), Condvar::new(), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut guard = mutex.lock().unwrap();
                // SAFETY: cannot fail.
                guard.push(unsafe { libc::gettid() } as u32);
                drop(come.wait(guard).unwrap());
                gone.fetch_add(1, SeqCst);
            });
        }
        eventually("all have the mutex behind them", || mutex.lock().unwrap().len() == 4);
        let threads = mutex.lock().unwrap().clone();
        eventually("all sleep", || threads.iter().all(|tid| state_of(*tid) == Some('S')));
        for (notify, all) in [(2, 2), (0, 2), (1, 3), (5, 4)] {
            come.notify(notify);
            eventually("so many go on", || gone.load(SeqCst) >= all);
            assert_eq!(gone.load(SeqCst), all);
        }
    });
}

#[test]
fn to_notify_nobody_is_nothing() {
    let come = Condvar::default();
    come.notify(0);
    come.notify_one();
    come.notify_all();
    let mutex = Mutex::new(());
    let (_guard, result) = come.wait_deadline(mutex.lock().unwrap(), Instant::now()).unwrap();
    assert!(result.timed_out(), "what came before the wait is not for it");
}

#[test]
fn the_guard_comes_back_when_the_time_has_passed() {
    let _watchdog = Watchdog::with_limit(60);
    for (mutex, come) in [(&Mutex::new(1), &Condvar::new()), (share(Mutex::new(1)), share(Condvar::new()))] {
        let begun = Instant::now();
        let time = Duration::from_millis(20);
        let guard = mutex.lock().unwrap();
        let (guard, result) = come.wait_timeout_while(guard, time, |_| true).unwrap();
        assert!(result.timed_out() && begun.elapsed() >= time && mutex.is_locked());
        let (guard, result) = come.wait_deadline_while(guard, begun, |n| *n != 1).unwrap();
        assert!(!result.timed_out(), "the condition decides, not the time");
        let (mut guard, result) = come.wait_timeout_while(guard, Duration::MAX, |_| false).unwrap();
        assert!(!result.timed_out());
        *guard += 1;
        drop(guard);
        assert!(!mutex.is_locked());
    }
}

#[test]
fn a_time_beyond_the_clock_waits_for_the_notification() {
    let _watchdog = Watchdog::with_limit(60);
    let (ready, come) = (Mutex::new(false), Condvar::new());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let guard = ready.lock().unwrap();
            let (guard, result) = come.wait_timeout_while(guard, Duration::MAX, |ready| !*ready).unwrap();
            *guard && !result.timed_out()
        });
        *ready.lock().unwrap() = true;
        come.notify_all();
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn a_panic_meanwhile_is_told_with_the_guard() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come) = (Mutex::new(0), Condvar::new());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| match come.wait_while(mutex.lock().unwrap(), |n| *n == 0) {
            Err(LockError::Poisoned(guard)) => *guard,
            other => panic!("{other:?}"),
        });
        // It waits, and so does not hold the lock, once this one has it and nobody has released it otherwise.
        eventually("it waits", || !format!("{come:?}").contains("word: Futex(0)"));
        let panics = scope.spawn(|| {
            let mut guard = mutex.lock().unwrap();
            *guard = 7;
            come.notify_one();
            panic!("with the guard");
        });
        panics.join().unwrap_err();
        assert_eq!(waiter.join().unwrap(), 7);
    });
}

#[test]
fn an_owner_that_dies_meanwhile_is_told_with_the_guard() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come, held) = (share(Mutex::new(0_u32)), share(Condvar::new()), flag());
    let waiting = flag();
    let waiter = fork(|| {
        let guard = mutex.lock().unwrap();
        waiting.store(1, SeqCst);
        match come.wait_while(guard, |_| true) {
            Err(LockError::OwnerDied(mut guard)) => {
                assert_eq!(*guard, 7);
                MutexGuard::mark_consistent(&mut guard);
            }
            other => panic!("{other:?}"),
        }
    });
    eventually("it has the mutex", || waiting.load(SeqCst) == 1);
    let owner = fork(|| {
        let mut guard = mutex.lock().unwrap();
        *guard = 7;
        held.store(1, SeqCst);
        idle();
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    // Not notified: the heartbeat makes the waiter look.
    kill(owner);
    assert_eq!(reap(waiter), 0);
    assert!(mutex.lock().is_ok());
}

/// Whoever of both the notification finds: the one that cannot act on it is killed, and the other one goes on.
#[test]
fn a_killed_waiter_is_missed_by_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come, waiting) = (share(Mutex::new(0_u32)), share(Condvar::new()), flag());
    let waits = || {
        let guard = mutex.lock().unwrap();
        waiting.fetch_add(1, SeqCst);
        *come.wait_while(guard, |n| *n == 0).unwrap() -= 1;
    };
    let [victim, survivor] = [(); 2].map(|()| fork(waits));
    eventually("both have had the mutex", || waiting.load(SeqCst) == 2);
    let mut guard = mutex.lock().unwrap();
    // SAFETY: a child that has not been waited for. It does not have the mutex, which is held here.
    unsafe { libc::kill(victim.pid().cast_signed(), libc::SIGSTOP) };
    eventually("it is stopped", || state_of(victim.pid()) == Some('T'));
    *guard += 1;
    drop(guard);
    come.notify_one();
    kill(victim);
    assert_eq!(reap(survivor), 0);
    assert_eq!(*mutex.lock().unwrap(), 0);
}

#[test]
fn an_abandoned_mutex_is_told_to_all_that_wait() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come, waiting) = (Mutex::new(()), Condvar::new(), AtomicU32::new(0));
    thread::scope(|scope| {
        let waiters = [(); 3].map(|()| {
            scope.spawn(|| {
                let guard = mutex.lock().unwrap();
                waiting.fetch_add(1, SeqCst);
                matches!(come.wait_while(guard, |()| true), Err(LockError::Abandoned))
            })
        });
        eventually("all have the mutex behind them", || waiting.load(SeqCst) == 3);
        MutexGuard::abandon(mutex.lock().unwrap());
        come.notify_one();
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
    });
}

#[test]
fn a_guard_that_a_fork_has_brought_is_refused() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come) = (share(Mutex::new(0_u32)), share(Condvar::new()));
    let guard = mutex.lock().unwrap();
    let child = fork(|| {
        // SAFETY: a bitwise copy of the guard, as the fork has one; the parent's is another process's.
        let copy = unsafe { std::ptr::read(&raw const guard) };
        assert!(matches!(come.wait(copy), Err(LockError::NotHeld)));
        assert!(mutex.is_locked(), "it was the parent's");
    });
    assert_eq!(reap(child), 0);
    let (_guard, result) = come.wait_timeout(guard, Duration::ZERO).unwrap();
    assert!(result.timed_out());
}

#[test]
fn guards_of_two_mutexes_may_wait_at_one_condition() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutexes, come) = ([Mutex::new(false), Mutex::new(false)], Condvar::new());
    thread::scope(|scope| {
        for mutex in &mutexes {
            scope.spawn(|| drop(come.wait_while(mutex.lock().unwrap(), |ready| !*ready).unwrap()));
        }
        for mutex in &mutexes {
            *mutex.lock().unwrap() = true;
            come.notify_all();
        }
    });
}

#[test]
fn it_is_placed_anew_whatever_it_was() {
    let _watchdog = Watchdog::with_limit(60);
    let come = Condvar::new();
    let mutex = Mutex::new(());
    drop(come.wait_timeout(mutex.lock().unwrap(), Duration::ZERO).unwrap());
    let come = share(come);
    let ready = share(Mutex::new(0_u32));
    let waiter = fork(|| drop(come.wait_while(ready.lock().unwrap(), |ready| *ready == 0).unwrap()));
    *ready.lock().unwrap() = 1;
    come.notify_one();
    assert_eq!(reap(waiter), 0);
}

/// Whatever bytes a dead process may have left: at worst a system call, or a heartbeat.
#[test]
fn torn_bytes_are_a_state_that_it_goes_on_from() {
    let _watchdog = Watchdog::with_limit(60);
    for byte in [0xff, 0x80, 0x01] {
        let come = share(Condvar::new());
        // SAFETY: nobody else uses it; every bit pattern is allowed.
        unsafe { std::ptr::from_ref(come).cast_mut().write_bytes(byte, 1) };
        let ready = share(Mutex::new(0_u32));
        let waiter = fork(|| drop(come.wait_while(ready.lock().unwrap(), |ready| *ready == 0).unwrap()));
        *ready.lock().unwrap() = 1;
        come.notify_all();
        assert_eq!(reap(waiter), 0);
    }
}

/// Though somebody notifies all the time.
#[test]
fn a_deadline_is_kept_while_others_notify() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come, ends) = (Mutex::new(()), Condvar::new(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !ends.load(SeqCst) {
                come.notify_all();
            }
        });
        for _ in 0..20 {
            let (deadline, mut late_looks) = (Instant::now() + Duration::from_millis(2), 0);
            let waited = come.wait_deadline_while(mutex.lock().unwrap(), deadline, |()| {
                late_looks += u32::from(Instant::now() > deadline);
                true
            });
            assert!(waited.is_ok_and(|(_, result)| result.timed_out()));
            assert!(late_looks < 5, "{late_looks} looks after the deadline");
        }
        ends.store(true, SeqCst);
    });
}

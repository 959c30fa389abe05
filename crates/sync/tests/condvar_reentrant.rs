//! A condition variable with a mutex that its owner may lock again: every level is let go, and restored. `unsafe`: copies a guard as a fork
//! does.
#![allow(clippy::disallowed_types)] // flags beside the condition, not the condition
#![allow(unsafe_code)]

mod common;

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::{Condvar, LockError, ReentrantMutex, ReentrantMutexGuard};
use multiproc_testkit::{Watchdog, eventually};

type Number = ReentrantMutex<AtomicU64>;
type Guard<'a> = ReentrantMutexGuard<'a, AtomicU64>;

fn number() -> Number {
    ReentrantMutex::new(AtomicU64::new(0))
}

/// One for threads, and one for processes.
fn both(private: &(Number, Condvar)) -> [(&Number, &Condvar); 2] {
    [(&private.0, &private.1), (share(number()), share(Condvar::new()))]
}

/// Another thread can have it.
fn is_free(mutex: &Number) -> bool {
    thread::scope(|scope| scope.spawn(|| mutex.try_lock().is_ok()).join().unwrap())
}

/// At the third level waits for its turn, then takes it at the second.
fn play(number: &Number, changed: &Condvar, parity: u64, rounds: u32) {
    for _ in 0..rounds {
        let outer = number.lock().unwrap();
        let middle = number.lock().unwrap();
        let inner = number.lock().unwrap();
        let inner = changed.wait_while(inner, |n| n.load(SeqCst) % 2 != parity).unwrap();
        assert_eq!(Guard::depth(&inner), 3);
        drop(inner);
        middle.fetch_add(1, SeqCst);
        changed.notify_one();
        drop((outer, middle));
    }
}

#[test]
fn threads_hand_a_number_to_and_fro() {
    const ROUNDS: u32 = 1000;
    let _watchdog = Watchdog::with_limit(60);
    let (number, changed) = (number(), Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| play(&number, &changed, 1, ROUNDS));
        play(&number, &changed, 0, ROUNDS);
    });
    assert_eq!(number.lock().unwrap().load(SeqCst), u64::from(2 * ROUNDS));
}

#[test]
fn processes_hand_a_number_to_and_fro() {
    const ROUNDS: u32 = 1000;
    let _watchdog = Watchdog::with_limit(60);
    let (number, changed) = (share(number()), share(Condvar::new()));
    let other = fork(|| play(number, changed, 1, ROUNDS));
    play(number, changed, 0, ROUNDS);
    assert_eq!(reap(other), 0);
    assert_eq!(number.lock().unwrap().load(SeqCst), u64::from(2 * ROUNDS));
}

#[test]
fn all_levels_come_back_when_the_time_has_passed() {
    let _watchdog = Watchdog::with_limit(60);
    for (mutex, come) in both(&(number(), Condvar::new())) {
        let begun = Instant::now();
        let time = Duration::from_millis(20);
        let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
        let (inner, result) = come.wait_timeout_while(inner, time, |_| true).unwrap();
        assert!(result.timed_out() && begun.elapsed() >= time);
        assert_eq!((Guard::depth(&inner), is_free(mutex)), (2, false));
        let (inner, result) = come.wait_deadline_while(inner, begun, |n| n.load(SeqCst) != 0).unwrap();
        assert!(!result.timed_out(), "the condition decides, not the time");
        let (inner, result) = come.wait_timeout(inner, Duration::ZERO).unwrap();
        assert!(result.timed_out());
        let (inner, result) = come.wait_deadline(inner, begun).unwrap();
        assert!(result.timed_out());
        let (inner, result) = come.wait_timeout_while(inner, Duration::MAX, |_| false).unwrap();
        assert!(!result.timed_out());
        drop(inner);
        assert!(!is_free(mutex), "the outer one has it");
        drop(outer);
        assert!(is_free(mutex));
    }
}

/// With the outer guard, while the inner one stays.
#[test]
fn any_of_the_guards_may_be_waited_with() {
    let _watchdog = Watchdog::with_limit(60);
    for (mutex, come) in both(&(number(), Condvar::new())) {
        let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
        thread::scope(|scope| {
            scope.spawn(|| {
                mutex.lock().unwrap().store(1, SeqCst);
                come.notify_all();
            });
            let outer = come.wait_while(outer, |n| n.load(SeqCst) == 0).unwrap();
            assert_eq!(Guard::depth(&outer), 2);
        });
        assert_eq!((Guard::depth(&inner), inner.load(SeqCst)), (1, 1));
    }
}

#[test]
fn a_panic_meanwhile_is_told_with_all_levels() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come) = (number(), Condvar::new());
    let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
    thread::scope(|scope| {
        let panics = scope.spawn(|| {
            let guard = mutex.lock().unwrap();
            guard.store(7, SeqCst);
            come.notify_one();
            panic!("with the guard");
        });
        match come.wait_while(inner, |n| n.load(SeqCst) == 0) {
            Err(LockError::Poisoned(inner)) => assert_eq!((inner.load(SeqCst), Guard::depth(&inner)), (7, 2)),
            other => panic!("{other:?}"),
        }
        panics.join().unwrap_err();
    });
    assert_eq!((Guard::depth(&outer), is_free(&mutex)), (1, false));
}

#[test]
fn an_owner_that_dies_meanwhile_is_told_with_all_levels() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come) = (share(number()), share(Condvar::new()));
    let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
    let owner = fork(|| {
        let guards = (mutex.lock().unwrap(), mutex.lock().unwrap());
        guards.0.store(7, SeqCst);
        come.notify_one();
        mem::forget(guards);
    });
    match come.wait_while(inner, |n| n.load(SeqCst) == 0) {
        Err(LockError::OwnerDied(mut inner)) => {
            assert_eq!((inner.load(SeqCst), Guard::depth(&inner)), (7, 2));
            Guard::mark_consistent(&mut inner);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(reap(owner), 0);
    assert_eq!((Guard::depth(&outer), is_free(mutex)), (1, false));
    drop(outer);
    assert!(is_free(mutex));
}

#[test]
fn an_abandoned_mutex_is_told_and_stays_with_the_outer_guards() {
    let _watchdog = Watchdog::with_limit(60);
    for (mutex, come) in both(&(number(), Condvar::new())) {
        let outers = [mutex.lock().unwrap(), mutex.lock().unwrap()];
        let inner = mutex.lock().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                Guard::abandon(mutex.lock().unwrap());
                come.notify_one();
            });
            assert!(matches!(come.wait_while(inner, |_| true), Err(LockError::Abandoned)));
        });
        assert_eq!((Guard::depth(&outers[0]), mutex.is_held_by_this_thread()), (2, true));
        drop(outers);
        assert!(!mutex.is_locked());
    }
}

/// A thread leaks its guard while another waits at the second level: the lock cannot be had again before that process's end, and the
/// outer guard is one of nothing.
#[test]
fn a_lock_that_cannot_be_had_again_is_lost_to_the_outer_guards() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come) = (share(number()), share(Condvar::new()));
    let [outer, other] = [mutex.lock().unwrap(), mutex.lock().unwrap()];
    let mut inner = mutex.lock().unwrap();
    let leaves = fork(|| {
        let leaks = thread::spawn(|| {
            mem::forget(mutex.lock().unwrap());
            come.notify_one();
        });
        leaks.join().unwrap();
        idle();
    });
    let waited = loop {
        // May end before, without a notification.
        match come.wait(inner) {
            Ok(again) => inner = again,
            Err(error) => break error,
        }
    };
    assert!(matches!(waited, LockError::OwnerLeft), "{waited:?}");
    assert!(!mutex.is_held_by_this_thread());
    assert_eq!((Guard::depth(&outer), outer.load(SeqCst)), (0, 0));
    assert!(matches!(come.wait(other), Err(LockError::NotHeld)));
    assert!(matches!(mutex.lock(), Err(LockError::OwnerLeft)));
    drop(outer);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerLeft)), "a guard of nothing has released it");
    kill(leaves);
    let Err(LockError::OwnerDied(guard)) = mutex.lock() else { panic!("its owner has died by now") };
    assert_eq!(Guard::depth(&guard), 1);
}

#[test]
fn a_killed_waiter_with_two_levels_is_missed_by_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come, waiting) = (share(number()), share(Condvar::new()), flag());
    let waits = || {
        let _outer = mutex.lock().unwrap();
        let inner = mutex.lock().unwrap();
        waiting.fetch_add(1, SeqCst);
        come.wait_while(inner, |n| n.load(SeqCst) == 0).unwrap().fetch_sub(1, SeqCst);
    };
    let [victim, survivor] = [(); 2].map(|()| fork(waits));
    eventually("both have had the mutex", || waiting.load(SeqCst) == 2);
    let guard = mutex.lock().unwrap();
    kill(victim);
    guard.store(1, SeqCst);
    drop(guard);
    come.notify_one();
    assert_eq!(reap(survivor), 0);
    assert_eq!(mutex.lock().unwrap().load(SeqCst), 0);
}

#[test]
fn a_guard_that_a_fork_has_brought_is_refused() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come) = (share(number()), share(Condvar::new()));
    let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
    let child = fork(|| {
        // SAFETY: a bitwise copy of the guard, as the fork has one; the parent's is another process's.
        let copy = unsafe { std::ptr::read(&raw const inner) };
        assert!(matches!(come.wait(copy), Err(LockError::NotHeld)));
        assert!(mutex.is_locked(), "it was the parent's");
    });
    assert_eq!(reap(child), 0);
    let (inner, _) = come.wait_timeout(inner, Duration::ZERO).unwrap();
    assert_eq!(Guard::depth(&inner), 2);
    drop((inner, outer));
    assert!(!mutex.is_locked());
}

/// As many things are taken as were brought, by waiters at different levels.
#[test]
fn each_notification_brings_somebody_on() {
    const EACH: u64 = 300;
    let _watchdog = Watchdog::with_limit(60);
    let (things, come) = (number(), Condvar::new());
    thread::scope(|scope| {
        for levels in 0..4 {
            let (things, come) = (&things, &come);
            scope.spawn(move || {
                for _ in 0..EACH {
                    let _outers: Vec<_> = (0..levels).map(|_| things.lock().unwrap()).collect();
                    let guard = come.wait_while(things.lock().unwrap(), |n| n.load(SeqCst) == 0).unwrap();
                    assert_eq!(Guard::depth(&guard), levels + 1);
                    guard.fetch_sub(1, SeqCst);
                }
            });
        }
        for _ in 0..4 * EACH {
            things.lock().unwrap().fetch_add(1, SeqCst);
            come.notify_one();
        }
    });
    assert_eq!(things.lock().unwrap().load(SeqCst), 0);
}

/// Guards of both mutexes wait at one condition variable.
#[test]
fn guards_of_both_kinds_may_wait_at_one_condition() {
    let _watchdog = Watchdog::with_limit(60);
    let (plain, reentrant, come) = (multiproc_sync::Mutex::new(0), number(), Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| drop(come.wait_while(plain.lock().unwrap(), |n| *n == 0).unwrap()));
        scope.spawn(|| {
            let _outer = reentrant.lock().unwrap();
            drop(come.wait_while(reentrant.lock().unwrap(), |n| n.load(SeqCst) == 0).unwrap());
        });
        *plain.lock().unwrap() = 1;
        come.notify_all();
        reentrant.lock().unwrap().store(1, SeqCst);
        come.notify_all();
    });
}

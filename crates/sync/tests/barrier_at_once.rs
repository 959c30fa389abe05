//! What does not wait at a barrier: to try it, to ask it, and to break or mend it, also beside one that is stopped with its mutex.
#![allow(clippy::disallowed_types)] // flags beside the barrier, not the barrier

mod common;
mod signals;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::{fork, kill, reap, share};
use multiproc_sync::{ArrivalIndex, Barrier, BarrierError, MAX_HELD, Mutex};
use multiproc_testkit::{Watchdog, eventually};
use signals::Stopped;

fn placed(parties: u32) -> &'static Barrier {
    share(Barrier::new(parties).unwrap())
}

fn both(parties: u32) -> [&'static Barrier; 2] {
    [Box::leak(Box::new(Barrier::new(parties).unwrap())), placed(parties)]
}

fn is_untouched(barrier: &Barrier, waiting: u32) -> bool {
    (barrier.is_broken(), barrier.waiting()) == (Ok(false), Ok(waiting))
}

#[test]
fn who_is_not_the_last_has_not_come() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(3) {
        assert_eq!(barrier.try_wait(), Err(BarrierError::NotLast));
        assert!(is_untouched(barrier, 0));
        thread::scope(|scope| {
            let one = scope.spawn(|| barrier.wait());
            eventually("one waits", || barrier.waiting() == Ok(1));
            assert_eq!(barrier.try_wait_with(|| panic!("not all have come")), Err(BarrierError::NotLast));
            assert!(is_untouched(barrier, 1));
            let other = scope.spawn(|| barrier.wait());
            eventually("both wait", || barrier.waiting() == Ok(2));
            let place = barrier.try_wait().unwrap();
            assert!(place.is_last() && place.get() == 2);
            let mut others = [one, other].map(|party| party.join().unwrap().unwrap().get());
            others.sort_unstable();
            assert_eq!(others, [0, 1]);
        });
        assert!(is_untouched(barrier, 0));
    }
}

#[test]
fn the_last_acts_and_goes_on_at_once() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(1) {
        let mut rounds = 0;
        for _ in 0..3 {
            assert!(barrier.try_wait_with(|| rounds += 1).is_ok_and(ArrivalIndex::is_last));
        }
        assert_eq!(rounds, 3);
        assert!(
            catch_unwind(AssertUnwindSafe(|| barrier.try_wait_with(|| panic!("in the action")))).is_err()
        );
        assert_eq!(barrier.try_wait(), Err(BarrierError::Broken));
    }
}

/// A round that is complete but for its action has a last one already.
#[test]
fn while_the_action_runs_nobody_is_the_last() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(2) {
        let (acts, has_tried) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let parties = [(); 2].map(|()| {
                scope.spawn(|| {
                    barrier.wait_with(|| {
                        acts.store(true, SeqCst);
                        eventually("another has tried", || has_tried.load(SeqCst));
                    })
                })
            });
            eventually("the action has begun", || acts.load(SeqCst));
            let tried = barrier.try_wait();
            has_tried.store(true, SeqCst);
            assert_eq!(tried, Err(BarrierError::NotLast));
            assert!(parties.map(|party| party.join().unwrap().is_ok()) == [true; 2]);
        });
    }
}

/// Every round has one party that only tries.
#[test]
fn who_tries_again_and_again_meets_all() {
    const ROUNDS: u32 = 200;
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(3) {
        let came = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        came.fetch_add(1, SeqCst);
                        barrier.wait().unwrap();
                    }
                });
            }
            for round in 1..=ROUNDS {
                while barrier.try_wait().map_err(|error| assert_eq!(error, BarrierError::NotLast)).is_err() {
                    thread::yield_now();
                }
                assert!(came.load(SeqCst) >= 2 * round);
            }
        });
    }
}

#[test]
fn who_tries_is_told_of_the_dead() {
    let _watchdog = Watchdog::with_limit(60);
    let barrier = placed(3);
    let victim = fork(|| _ = barrier.wait());
    eventually("it waits", || barrier.waiting() == Ok(1));
    let died = Err(BarrierError::PartyDied { pid: victim.pid() });
    kill(victim);
    assert_eq!([barrier.try_wait(), barrier.wait()], [died; 2]);
}

#[test]
fn who_can_lock_no_more_has_not_tried() {
    let _watchdog = Watchdog::with_limit(60);
    let (barrier, others) = (placed(1), share([const { Mutex::new(0_u64) }; MAX_HELD]));
    let held = others.each_ref().map(|other| other.lock().unwrap());
    assert_eq!(barrier.try_wait(), Err(BarrierError::TooManyHeld));
    drop(held);
    assert!(is_untouched(barrier, 0));
}

/// Whatever does not wait for others ends, and has changed nothing.
#[test]
fn one_that_is_stopped_with_the_mutex_holds_up_nobody_for_ever() {
    let _watchdog = Watchdog::with_limit(120);
    let barrier = placed(2);
    let waits = fork(|| _ = barrier.wait().unwrap());
    eventually("it waits", || barrier.waiting() == Ok(1));
    let stopped = Stopped::with(barrier);
    type Call = fn(&Barrier) -> Result<(), BarrierError>;
    let calls: [Call; 5] = [
        |barrier| barrier.try_wait().map(drop),
        |barrier| barrier.waiting().map(drop),
        |barrier| barrier.is_broken().map(drop),
        Barrier::abort,
        Barrier::reset,
    ];
    // At once: each waits for some seconds.
    thread::scope(|scope| {
        let ended = calls.map(|call| scope.spawn(move || call(barrier)));
        assert_eq!(ended.map(|call| call.join().unwrap()), [Err(BarrierError::HeldUp); 5]);
    });
    stopped.goes_on();
    assert!(is_untouched(barrier, 1));
    assert!(barrier.wait_timeout(Duration::from_secs(30)).is_ok());
    assert_eq!(reap(waits), 0);
}

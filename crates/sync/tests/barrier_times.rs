//! Times at a barrier: they are for the others to come, not for what is done once all have.
#![allow(clippy::disallowed_types)] // flags beside the barrier, not the barrier

mod common;
mod signals;

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::{Barrier, BarrierError, interrupt};
use multiproc_testkit::{Watchdog, eventually, is_running};
use signals::{breaks_once, ends_by_signals, handle, notes};

fn placed(parties: u32) -> &'static Barrier {
    share(Barrier::new(parties).unwrap())
}

fn both(parties: u32) -> [&'static Barrier; 2] {
    [Box::leak(Box::new(Barrier::new(parties).unwrap())), placed(parties)]
}

/// Long enough for one more to come.
const TIME: Duration = Duration::from_millis(500);

fn sleep_past(deadline: Instant) {
    thread::sleep(deadline.saturating_duration_since(Instant::now()) + TIME / 2);
}

#[test]
fn a_time_that_passes_during_the_action_breaks_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(2) {
        let has_acted = AtomicBool::new(false);
        // Once at least they meet in time, on whatever machine.
        while !has_acted.load(SeqCst) {
            thread::scope(|scope| {
                let deadline = Instant::now() + TIME;
                let waits = scope.spawn(move || barrier.wait_deadline(deadline));
                eventually("it waits", || barrier.waiting() != Ok(0) || waits.is_finished());
                let met = barrier.wait_with(|| {
                    has_acted.store(true, SeqCst);
                    sleep_past(deadline);
                });
                if has_acted.load(SeqCst) {
                    assert_eq!(met.map(|place| place.get()), Ok(1));
                    assert_eq!(waits.join().unwrap().map(|place| place.get()), Ok(0));
                }
            });
            if !has_acted.load(SeqCst) {
                barrier.reset().unwrap();
            }
        }
        assert_eq!((barrier.is_broken(), barrier.waiting()), (Ok(false), Ok(0)));
    }
}

/// What else ends a wait does so past its time, too.
#[test]
fn a_death_and_a_signal_after_the_time_end_the_wait() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let time = TIME * 4;
    let act = |barrier: &Barrier, acts: &std::sync::atomic::AtomicU32| {
        barrier.wait_with(|| {
            acts.store(1, SeqCst);
            eventually("the action is to end", || acts.load(SeqCst) == 2);
        })
    };
    let (barrier, acts) = (placed(2), flag());
    let waits = fork(|| {
        assert!(matches!(barrier.wait_timeout(time), Err(BarrierError::PartyDied { .. })));
    });
    eventually("it waits", || barrier.waiting() == Ok(1));
    let dies = fork(|| {
        let _ = barrier.wait_with(|| {
            acts.store(1, SeqCst);
            idle();
        });
    });
    eventually("the action has begun", || acts.load(SeqCst) == 1);
    sleep_past(Instant::now() + time);
    assert!(is_running(waits.pid()), "it waits still");
    kill(dies);
    assert_eq!(reap(waits), 0);

    let (barrier, acts) = (placed(2), flag());
    let waits = fork(|| {
        interrupt::install(breaks_once).unwrap();
        assert_eq!(barrier.wait_timeout(time), Err(BarrierError::Interrupted));
    });
    eventually("it waits", || barrier.waiting() == Ok(1));
    let last = fork(|| assert_eq!(act(barrier, acts), Err(BarrierError::Broken)));
    eventually("the action has begun", || acts.load(SeqCst) == 1);
    sleep_past(Instant::now() + time);
    assert!(ends_by_signals(waits));
    acts.store(2, SeqCst);
    assert_eq!(reap(last), 0);
}

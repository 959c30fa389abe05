//! Models of the barrier.

use std::sync::Arc;

use crate::primitive::Deadline;
use crate::primitive::model::{End, Family, Process, check, check_deaths, shared, thread};
use crate::{ArrivalIndex, Barrier, BarrierError};

type Met = Result<ArrivalIndex, BarrierError>;

fn private() -> Arc<Barrier> {
    Arc::new(Barrier::new(2).unwrap())
}

fn spawn<T: 'static>(
    barrier: &Arc<Barrier>,
    body: impl FnOnce(&Barrier) -> T + 'static,
) -> thread::JoinHandle<T> {
    let barrier = barrier.clone();
    thread::spawn(move || body(&barrier))
}

fn assert_both_met(one: Met, other: Met) {
    let places = [one, other].map(|met| met.expect("nobody breaks it").get());
    assert_eq!(places[0] + places[1], 1, "each place once");
}

/// The quicker one may be at the next round before the other has left the first.
#[test]
fn two_rounds() {
    check(|| {
        let barrier = private();
        let other = spawn(&barrier, |barrier| [barrier.wait(), barrier.wait()]);
        let ours = [barrier.wait(), barrier.wait()];
        let theirs = other.join().unwrap();
        assert_both_met(ours[0], theirs[0]);
        assert_both_met(ours[1], theirs[1]);
    });
}

/// One gives up, before the other comes or after: both know, or neither.
#[test]
fn one_gives_up() {
    check(|| {
        let (barrier, deadline) = (private(), Deadline::new());
        let until = deadline.clone();
        let other = spawn(&barrier, move |barrier| barrier.wait_deadline(until));
        deadline.pass();
        match (barrier.wait(), other.join().unwrap()) {
            (Ok(one), Ok(other)) => assert_both_met(Ok(one), Ok(other)),
            (ours, theirs) => {
                assert_eq!((ours, theirs), (Err(BarrierError::Broken), Err(BarrierError::TimedOut)));
            }
        }
    });
}

/// A third one never comes: when one of two gives up, both know.
#[test]
fn one_gives_up_for_two() {
    check(|| {
        let (barrier, deadline) = (Arc::new(Barrier::new(3).unwrap()), Deadline::new());
        let until = deadline.clone();
        let other = spawn(&barrier, move |barrier| barrier.wait_deadline(until));
        let clock = thread::spawn(move || deadline.pass());
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
        assert_eq!(other.join().unwrap(), Err(BarrierError::TimedOut));
        clock.join().unwrap();
    });
}

/// A reset, before somebody comes, while it waits, or when it has given up already; a new round is whole.
#[test]
fn reset_meanwhile() {
    check(|| {
        let barrier = private();
        let waits = spawn(&barrier, Barrier::wait);
        let comes = spawn(&barrier, |barrier| {
            barrier.reset().unwrap();
            barrier.abort().unwrap();
        });
        let met = waits.join().unwrap();
        assert_eq!(met, Err(BarrierError::Broken));
        comes.join().unwrap();
        assert_eq!(barrier.is_broken(), Ok(true));
    });
}

/// The action runs once, before anybody goes on.
#[test]
fn action_runs_before() {
    check(|| {
        let barrier = private();
        let ran = Arc::new(crate::primitive::AtomicU32::new(0));
        let theirs = ran.clone();
        let act = |ran: &crate::primitive::AtomicU32| {
            ran.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        };
        let meet = move |barrier: &Barrier, ran: &crate::primitive::AtomicU32| {
            let met = barrier.wait_with(|| act(ran));
            assert_eq!(ran.load(std::sync::atomic::Ordering::Relaxed), 1, "all go on after the action");
            met
        };
        let other = spawn(&barrier, move |barrier| meet(barrier, &theirs));
        assert_both_met(meet(&barrier, &ran), other.join().unwrap());
    });
}

/// One of two parties dies at each of its steps: the other one goes on, or is told who is dead, or that nobody has come.
#[test]
fn party_killed() {
    check_deaths(|k| {
        let (family, barrier) = (Family::new(), shared(Barrier::new(2).unwrap()));
        let (deadline, theirs) = (Deadline::new(), barrier.clone());
        let (victim, until) = (family.process(), deadline.clone());
        let victim = thread::spawn(move || {
            let end = victim.run_killed_at(k, || theirs.wait());
            deadline.pass();
            end
        });
        let survivor = family.process();
        let met = survivor.run(|| barrier.wait_deadline(until));
        match (met, victim.join().unwrap()) {
            (Ok(one), End::InOrder(other)) => assert_both_met(Ok(one), other),
            (Ok(_) | Err(BarrierError::PartyDied { pid: 1 } | BarrierError::TimedOut), End::Killed) => {}
            other => panic!("no such end: {other:?}"),
        }
        assert_usable(&survivor, &barrier);
    });
}

/// One of two dies at each of its steps, while a third one never comes: if it had come, it is named.
#[test]
fn party_of_three_killed() {
    check_deaths(|k| {
        let (family, barrier) = (Family::new(), shared(Barrier::new(3).unwrap()));
        let (theirs, passed, deadline) = (barrier.clone(), Deadline::new(), Deadline::new());
        let (process, until) = (family.process(), deadline.clone());
        passed.pass();
        let victim = thread::spawn(move || {
            let end = process.run_killed_at(k, || theirs.wait_deadline(passed));
            deadline.pass();
            end
        });
        let survivor = family.process();
        let (has_come, met) = survivor.run(|| {
            let has_come = barrier.waiting() == Ok(1);
            (has_come, barrier.wait_deadline(until))
        });
        match (met, victim.join().unwrap()) {
            (Err(BarrierError::PartyDied { pid: 1 }), End::Killed) => {}
            (Err(BarrierError::Broken), _) => {}
            (Err(BarrierError::TimedOut), End::Killed) => assert!(!has_come, "a dead party was not named"),
            other => panic!("no such end: {other:?}"),
        }
        assert_usable(&survivor, &barrier);
    });
}

/// A reset makes it as new.
fn assert_usable(process: &Process, barrier: &Barrier) {
    process.run(|| {
        barrier.reset().unwrap();
        assert_eq!((barrier.waiting(), barrier.is_broken()), (Ok(0), Ok(false)));
    });
}

/// Who resets dies at each of its steps, while one waits: that one is told, or can be broken by the next.
#[test]
fn resetter_killed() {
    check_deaths(|k| {
        let (family, barrier) = (Family::new(), shared(Barrier::new(2).unwrap()));
        let theirs = barrier.clone();
        let waits = family.process().spawn(move || theirs.wait());
        family.process().run_killed_at(k, || barrier.reset());
        family.process().run(|| barrier.abort().unwrap());
        assert!(waits.join().is_err());
    });
}

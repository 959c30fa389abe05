//! Models of the barrier.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::primitive::Deadline;
use crate::primitive::model::{End, Family, Process, check, check_deaths, die, shared, thread};
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

/// One tries before it waits: it meets the other by the one or by the other, and not alone.
#[test]
fn one_tries() {
    check(|| {
        let barrier = private();
        let other = spawn(&barrier, Barrier::wait);
        let ours = match barrier.try_wait() {
            Ok(place) => {
                assert_eq!(place.get(), 1, "who tries has come last");
                Ok(place)
            }
            Err(error) => {
                assert_eq!(error, BarrierError::NotLast);
                barrier.wait()
            }
        };
        assert_both_met(ours, other.join().unwrap());
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

/// A reset while somebody waits is all that wakes it.
#[test]
fn reset_wakes_who_waits() {
    check(|| {
        let barrier = private();
        let waits = spawn(&barrier, Barrier::wait);
        if barrier.waiting() == Ok(1) {
            barrier.reset().unwrap();
        } else {
            barrier.abort().unwrap();
        }
        assert_eq!(waits.join().unwrap(), Err(BarrierError::Broken));
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

/// The last one's action panics: the other one is told, and nobody is waited for who has gone.
#[test]
fn action_panics() {
    check(|| {
        let barrier = private();
        let meet = |barrier: &Barrier| {
            catch_unwind(AssertUnwindSafe(|| barrier.wait_with(|| resume_unwind(Box::new("in the action")))))
        };
        let other = spawn(&barrier, move |barrier| meet(barrier).ok());
        let both = [meet(&barrier).ok(), other.join().unwrap()];
        assert!(both.contains(&None) && both.contains(&Some(Err(BarrierError::Broken))), "{both:?}");
        assert_eq!((barrier.waiting(), barrier.is_broken()), (Ok(0), Ok(true)));
    });
}

/// All have come, and one more gives up: that is not theirs to be told.
#[test]
fn one_over_gives_up() {
    check(|| {
        let (barrier, passed) = (private(), Deadline::new());
        passed.pass();
        let theirs = passed.clone();
        let meet = |barrier: &Barrier, until: Deadline| {
            barrier.wait_with(|| assert_eq!(barrier.wait_deadline(until), Err(BarrierError::TimedOut)))
        };
        let other = spawn(&barrier, move |barrier| meet(barrier, theirs));
        assert_both_met(meet(&barrier, passed), other.join().unwrap());
    });
}

/// All have come in time, which passes in the action: all meet.
#[test]
fn time_passes_in_the_action() {
    check(|| {
        let (barrier, deadline) = (private(), Deadline::new());
        let meet = |barrier: &Barrier, deadline: Deadline| {
            let until = deadline.clone();
            barrier.wait_deadline_with(until, || deadline.pass())
        };
        let theirs = deadline.clone();
        let other = spawn(&barrier, move |barrier| meet(barrier, theirs));
        assert_both_met(meet(&barrier, deadline), other.join().unwrap());
    });
}

/// Of two parties and one over, the last to come dies in its action: both others are told who is dead.
#[test]
fn killed_in_the_action() {
    check(|| {
        let (family, barrier, dead) = (Family::new(), shared(Barrier::new(2).unwrap()), Deadline::new());
        let meet = |process: Process, barrier: Arc<Barrier>, dead: Deadline| {
            let until = dead.clone();
            let end = process.run_killed_at(usize::MAX, || barrier.wait_deadline_with(until, || die()));
            if end == End::Killed {
                dead.pass();
            }
            end
        };
        let others = [(); 2].map(|()| {
            let (process, barrier, dead) = (family.process(), barrier.clone(), dead.clone());
            thread::spawn(move || meet(process, barrier, dead))
        });
        let ours = meet(family.process(), barrier, dead);
        let [one, other] = others.map(|other| other.join().unwrap());
        let ends = [one, other, ours];
        let place = ends.iter().position(|end| *end == End::Killed).expect("one comes last");
        for (_, end) in ends.iter().enumerate().filter(|(at, _)| *at != place) {
            let named = End::InOrder(Err(BarrierError::PartyDied { pid: place as u32 + 1 }));
            assert_eq!(*end, named, "the dead one was not named");
        }
    });
}

/// One of two dies at each of its steps, and the other one comes after that: if both have come, it is not let through.
#[test]
fn killed_before_the_last_comes() {
    check_deaths(|k| {
        let (family, barrier, passed) = (Family::new(), shared(Barrier::new(2).unwrap()), Deadline::new());
        passed.pass();
        let until = passed.clone();
        let end = family.process().run_killed_at(k, || barrier.wait_deadline(until));
        let survivor = family.process();
        let (has_come, met) = survivor.run(|| (barrier.waiting(), barrier.wait_deadline(passed)));
        match (end, met) {
            (_, Ok(_)) => panic!("a dead party let one through"),
            (End::Killed, Err(BarrierError::PartyDied { pid: 1 })) => {}
            (End::Killed, Err(BarrierError::TimedOut)) => assert_eq!(has_come, Ok(0), "it was not named"),
            (_, Err(BarrierError::Broken)) => {}
            other => panic!("no such end: {other:?}"),
        }
        assert_usable(&survivor, &barrier);
    });
}

/// One of two parties dies at each of its steps: the other one goes on, or is told who is dead, or that nobody has come.
/// It may go on beside a dead one that died when both had come; one that was dead before is in `killed_before_the_last_comes`.
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

/// Two leave without the mutex, the second one while somebody collects what the first has left: it is not forgotten, and nobody is let
/// through beside the place of one that has gone.
#[test]
fn one_leaves_while_another_is_collected() {
    check(|| {
        let barrier = private();
        let slow = barrier.take_place_for_good();
        assert!(barrier.wait().is_ok(), "it was the second of two");
        let waits = barrier.take_place_for_good();
        barrier.leave_from_afar(slow);
        let leaver = spawn(&barrier, move |barrier| barrier.leave_from_afar(waits));
        let _ = barrier.waiting();
        leaver.join().unwrap();
        assert_eq!(barrier.is_broken(), Ok(true), "a leaver was forgotten");
    });
}

/// One has given up without the mutex, and who collects that dies at each of its steps: it is broken for all others.
#[test]
fn collector_killed() {
    check_deaths(|k| {
        let (family, barrier) = (Family::new(), shared(Barrier::new(2).unwrap()));
        barrier.give_up_without_the_mutex();
        let end = family.process().run_killed_at(k, || barrier.is_broken());
        assert!(matches!(end, End::Killed | End::InOrder(Ok(true))));
        let survivor = family.process();
        survivor.run(|| assert_eq!(barrier.is_broken(), Ok(true), "one that gave up was forgotten"));
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

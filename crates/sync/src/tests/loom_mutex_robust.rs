//! Models of the lock of a family's threads, whose owners die at every step.

use std::cell::Cell;
use std::sync::Arc;

use super::pair::{Found, Pair, robust, take, take_until, use_guard, written_by_a_call};
use crate::primitive::Deadline;
use crate::primitive::model::{
    End, Family, Process, Running, check, check_deaths, die, die_at, step, thread,
};
use crate::{LockError, Mutex, MutexGuard};

/// A process that takes the lock once.
fn taker(family: &Family, mutex: &Arc<Mutex<Pair>>) -> Running<Found> {
    let mutex = mutex.clone();
    family.process().spawn(move || take(&mutex))
}

/// A process that is killed before its `k`-th step of taking, using and releasing the lock.
fn victim(family: &Family, mutex: &Arc<Mutex<Pair>>, k: usize) -> Running<End<Found>> {
    let mutex = mutex.clone();
    family.process().spawn_killed_at(k, move || take(&mutex))
}

/// Everybody got the lock, and no more were told of a death than died.
fn assert_told(found: &[Found], deaths: usize) {
    let died = found.iter().filter(|found| matches!(found, Found::Died { .. })).count();
    assert!(died <= deaths, "told of a death that nobody died");
    let got = found.iter().all(|found| matches!(found, Found::Whole | Found::Died { .. }));
    assert!(got, "the lock can be had, but is refused: {found:?}");
}

/// The lock is free, its data whole.
fn assert_usable(process: &Process, mutex: &Mutex<Pair>) {
    process.run(|| {
        for _ in 0..2 {
            let found = take(mutex);
            assert_eq!(found, Found::Whole, "the lock was left in disorder");
        }
    });
}

#[test]
fn three_processes() {
    check(|| {
        let (family, mutex) = (Family::new(), robust());
        let others = [(); 2].map(|()| taker(&family, &mutex));
        assert_eq!(family.process().run(|| take(&mutex)), Found::Whole);
        others.into_iter().for_each(|other| assert_eq!(other.join(), Found::Whole));
    });
}

/// The owner dies at each of its steps, and nobody waits: the data pass on, torn or whole.
#[test]
fn owner_killed_alone() {
    check_deaths(|k| {
        let (family, mutex) = (Family::new(), robust());
        let end = family.process().run_killed_at(k, || take(&mutex));
        let next = family.process();
        match next.run(|| take(&mutex)) {
            Found::Whole => {}
            Found::Died { .. } => assert_eq!(end, End::Killed, "told of a death that nobody died"),
            other => panic!("neither held nor left: {other:?}"),
        }
        assert_usable(&next, &mutex);
    });
}

/// One of two that want the lock dies at each of its steps.
#[test]
fn owner_killed_with_a_waiter() {
    check_deaths(|k| {
        let (family, mutex) = (Family::new(), robust());
        let victim = victim(&family, &mutex, k);
        let next = family.process();
        let found = next.run(|| take(&mutex));
        let end = victim.join();
        assert_told(&[found], usize::from(end == End::Killed));
        next.run(|| assert_told(&[found, take(&mutex)], usize::from(end == End::Killed)));
    });
}

/// The owner has taken and released another lock since, and dies at each step of its release, or before.
#[test]
fn owner_of_another_killed() {
    check_deaths(|k| {
        let (family, mutex, other) = (Family::new(), robust(), robust());
        let (first, second) = (mutex.clone(), other.clone());
        let victim = family.process().spawn_killed_at(k, move || {
            let guard = first.lock();
            take(&second);
            use_guard(guard)
        });
        let next = family.process();
        let before = next.run(|| [take(&other), take(&mutex)]);
        let end = victim.join();
        let after = next.run(|| [take(&other), take(&mutex)]);
        before.into_iter().zip(after).for_each(|(before, after)| {
            assert_told(&[before, after], usize::from(end == End::Killed));
        });
    });
}

/// One of three that want the lock dies at each of its steps.
#[test]
fn owner_killed_with_two_waiters() {
    check_deaths(|k| {
        let (family, mutex) = (Family::new(), robust());
        let victim = victim(&family, &mutex, k);
        let waiter = taker(&family, &mutex);
        let found = [family.process().run(|| take(&mutex)), waiter.join()];
        assert_told(&found, usize::from(victim.join() == End::Killed));
    });
}

/// The owner releases and takes the lock again, over the head of whoever it woke; one of two waiters dies at each of its steps:
/// awake and before it ran, for one.
#[test]
fn waiter_killed_beside_a_barger() {
    check_deaths(|k| {
        let (family, mutex) = (Family::new(), robust());
        let owner = family.process();
        owner.run(|| {
            let guard = mutex.lock().unwrap();
            let others = (victim(&family, &mutex, k), taker(&family, &mutex));
            drop(guard);
            let found = take(&mutex);
            let end = others.0.join();
            assert_told(&[found, others.1.join()], usize::from(end == End::Killed));
        });
    });
}

/// An owner died before the model begins. One of two that take over dies in turn, at each of its steps, and a system call of its
/// process writes on.
#[test]
fn recoverer_killed() {
    check_deaths(|k| {
        let (family, mutex) = (Family::new(), robust());
        die_with_the_lock(&family, &mutex);
        let victim = victim_in_a_call(family.process(), &mutex, k);
        let next = family.process();
        let found = next.run(|| take(&mutex));
        let end = victim.join().unwrap();
        next.run(|| assert_told(&[found, take(&mutex)], 1 + usize::from(end == End::Killed)));
    });
}

/// A process dies with the guard, its data torn.
fn die_with_the_lock(family: &Family, mutex: &Arc<Mutex<Pair>>) {
    let end = family.process().run_killed_at(usize::MAX, || {
        let mut guard = mutex.lock().unwrap();
        guard[0] += 1;
        die();
    });
    assert_eq!(end, End::Killed::<()>);
}

/// A waiter gives up while the lock changes hands: its wake-up, if it had one, is not lost for the other.
#[test]
fn waiter_gives_up() {
    check(|| {
        let (family, mutex, deadline) = (Family::new(), robust(), Deadline::new());
        let owner = family.process();
        owner.run(|| {
            let guard = mutex.lock().unwrap();
            let (late, until) = (mutex.clone(), deadline.clone());
            let late = family.process().spawn(move || take_until(&late, &until));
            let patient = taker(&family, &mutex);
            let clock = thread::spawn(move || deadline.pass());
            drop(guard);
            assert!(matches!(late.join(), Found::Whole | Found::TimedOut));
            assert_eq!(patient.join(), Found::Whole);
            clock.join().unwrap();
        });
    });
}

/// The owner dies while its process's end is still out: one waiter gives up, the other must be told.
#[test]
fn recoverer_gives_up() {
    check_deaths(|k| {
        let (family, mutex, deadline) = (Family::new(), robust(), Deadline::new());
        let (late, until) = (mutex.clone(), deadline.clone());
        let late = family.process().spawn(move || take_until(&late, &until));
        let patient = taker(&family, &mutex);
        let end = family.process().run_killed_within(k, || take(&mutex), || deadline.pass());
        if end != End::Killed {
            deadline.pass();
        }
        let found = [late.join(), patient.join()];
        let got = if found[0] == Found::TimedOut { &found[1..] } else { &found[..] };
        assert_told(got, usize::from(end == End::Killed));
    });
}

/// As [`victim`]; a system call of its process writes to the data until the process's end, if the victim dies with the guard.
fn victim_in_a_call(process: Process, mutex: &Arc<Mutex<Pair>>, k: usize) -> thread::JoinHandle<End<Found>> {
    let mutex = mutex.clone();
    thread::spawn(move || {
        let held = Cell::new(false);
        let body = || {
            let taken = mutex.lock();
            held.set(matches!(taken, Ok(_) | Err(LockError::OwnerDied(_))));
            step();
            // From here on the release may have begun: a call has the data no more.
            held.set(false);
            use_guard(taken)
        };
        let call = || {
            if held.get() {
                written_by_a_call(&mutex);
            }
        };
        process.run_killed_within(k, body, call)
    })
}

/// Long after the kernel has marked the lock a system call of the victim's process is at the data: nobody else is by then.
#[test]
fn sibling_writes_until_the_end() {
    check_deaths(|k| {
        let (family, mutex) = (Family::new(), robust());
        let victim = victim_in_a_call(family.process(), &mutex, k);
        let found = family.process().run(|| take(&mutex));
        let end = victim.join().unwrap();
        assert_told(&[found], usize::from(end == End::Killed));
    });
}

/// The owner dies at each step of its release, while one sleeps and one comes along: neither is left alone.
///
/// That a release in two steps is no good takes three preemptions to find.
#[test]
fn releaser_killed() {
    check_deaths(|k| {
        let (family, mutex) = (Family::new(), robust());
        let mut others = None;
        let end = family.process().run_killed_at(usize::MAX, || {
            let guard = mutex.lock().unwrap();
            others = Some([(); 2].map(|()| taker(&family, &mutex)));
            die_at(k);
            drop(guard);
        });
        let found = others.expect("nobody dies before").map(Running::join);
        assert_told(&found, usize::from(end == End::Killed));
    });
}

/// Given up for good by its owner: both that wait are told.
#[test]
fn abandoned_with_two_waiters() {
    check(|| {
        let (family, mutex) = (Family::new(), robust());
        family.process().run(|| {
            let guard = mutex.lock().unwrap();
            let waiters = [(); 2].map(|()| taker(&family, &mutex));
            MutexGuard::abandon(guard);
            waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join(), Found::Abandoned));
        });
    });
}

/// A thread leaks its guard and ends in order, and its process lives on: both that wait are told, the second by the first.
#[test]
fn owner_left_with_two_waiters() {
    check(|| {
        let (family, mutex) = (Family::new(), robust());
        let waiters = family.process().run(|| {
            std::mem::forget(mutex.lock().unwrap());
            [(); 2].map(|()| taker(&family, &mutex))
        });
        waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join(), Found::OwnerLeft));
    });
}

/// A thread ends without order and without a kill, its guard leaked: after some heartbeats nobody waits for it any more.
#[test]
fn owner_vanished() {
    check(|| {
        let (family, mutex) = (Family::new(), robust());
        let (process, theirs) = (family.process(), mutex.clone());
        let vanishes = thread::spawn(move || {
            process.run_and_vanish(|| std::mem::forget(theirs.lock().unwrap()));
        });
        let found = family.process().run(|| match mutex.lock() {
            // Before the one that vanishes had it.
            Ok(guard) => {
                drop(guard);
                None
            }
            Err(error) => Some(matches!(error, LockError::OwnerLeft)),
        });
        assert_ne!(found, Some(false), "the guard is somewhere");
        vanishes.join().unwrap();
    });
}

/// As before, where nothing tells of the victim's process: who comes gets the lock if no guard was out, and else is told just that.
#[test]
fn sibling_of_an_unseen_owner_writes() {
    check_deaths(|k| {
        let (family, mutex) = (Family::new(), robust());
        let process = family.process();
        process.hide();
        let victim = victim_in_a_call(process, &mutex, k);
        let found = family.process().run(|| take(&mutex));
        let end = victim.join().unwrap();
        let refused = end == End::Killed && found == Found::OwnerUnseen;
        assert!(refused || found == Found::Whole, "claimed of what nobody saw: {found:?}");
    });
}

/// A thread ends with its guard, and nothing tells of its process: both that wait are told, the second by the first.
#[test]
fn owner_unseen_with_two_waiters() {
    check(|| {
        let (family, mutex) = (Family::new(), robust());
        let process = family.process();
        process.hide();
        let waiters = process.run_and_vanish(|| {
            std::mem::forget(mutex.lock().unwrap());
            [(); 2].map(|()| taker(&family, &mutex))
        });
        waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join(), Found::OwnerUnseen));
    });
}

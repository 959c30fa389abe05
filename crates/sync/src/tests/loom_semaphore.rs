//! Models of the semaphore.

use std::sync::Arc;

use super::visits::Visits;
use crate::primitive::Deadline;
use crate::primitive::model::{End, Family, check, check_deaths, shared, thread};
use crate::{Semaphore, WaitError};

fn semaphore(permits: u32) -> Arc<Semaphore> {
    shared(Semaphore::new(permits))
}

/// A thread that takes a permit and keeps it.
fn taker(semaphore: &Arc<Semaphore>) -> thread::JoinHandle<()> {
    let semaphore = semaphore.clone();
    thread::spawn(move || semaphore.acquire().unwrap())
}

fn releaser(semaphore: &Arc<Semaphore>) -> thread::JoinHandle<()> {
    let semaphore = semaphore.clone();
    thread::spawn(move || semaphore.release(1).unwrap())
}

/// One permit: the data behind it are one thread's at a time, and what it wrote is seen by the next.
#[test]
fn three_take_one_permit() {
    check(|| {
        let inside = Arc::new((semaphore(1), Visits::new()));
        let others = [(); 2].map(|()| {
            let inside = inside.clone();
            thread::spawn(move || {
                let _permit = inside.0.permit().unwrap();
                inside.1.visit();
            })
        });
        inside.0.acquire().unwrap();
        inside.1.visit();
        inside.0.release(1).unwrap();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!((inside.1.count(), inside.0.available()), (3, 1));
    });
}

/// What is written before the release is seen by who waited for it.
#[test]
fn one_waits_for_what_another_made() {
    check(|| {
        let made = Arc::new((semaphore(0), Visits::new()));
        let theirs = made.clone();
        let maker = thread::spawn(move || {
            theirs.1.visit();
            theirs.0.release(1).unwrap();
        });
        made.0.acquire().unwrap();
        assert_eq!(made.1.count(), 1);
        maker.join().unwrap();
    });
}

/// Two release at once: nothing gets lost.
#[test]
fn two_release() {
    check(|| {
        let semaphore = semaphore(0);
        let others = [(); 2].map(|()| releaser(&semaphore));
        (0..2).for_each(|_| semaphore.acquire().unwrap());
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(semaphore.available(), 0);
    });
}

/// Two permits at once let two go on.
#[test]
fn two_sleep_and_two_permits_come_at_once() {
    check(|| {
        let semaphore = semaphore(0);
        let takers = [(); 2].map(|()| taker(&semaphore));
        semaphore.release(2).unwrap();
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        assert_eq!(semaphore.available(), 0);
    });
}

/// Somebody has released a permit while nobody slept, and was overtaken before taking the bit back: the permit was used, two have
/// gone to sleep, and another one comes. Who is woken does not leave the other asleep.
#[test]
fn a_bit_taken_back_late_strands_nobody() {
    check(|| {
        let semaphore = semaphore(0);
        let theirs = semaphore.clone();
        let late = thread::spawn(move || theirs.take_back_late());
        let users = [(); 2].map(|()| {
            let semaphore = semaphore.clone();
            thread::spawn(move || drop(semaphore.permit().unwrap()))
        });
        semaphore.release(1).unwrap();
        users.into_iter().for_each(|user| user.join().unwrap());
        late.join().unwrap();
        assert_eq!(semaphore.available(), 1);
    });
}

/// Who only tries takes a permit that is there, and nothing else.
#[test]
fn one_tries() {
    check(|| {
        let semaphore = semaphore(1);
        let theirs = semaphore.clone();
        let other = thread::spawn(move || theirs.try_acquire().is_ok());
        let tried = semaphore.try_acquire();
        assert!(matches!(tried, Ok(()) | Err(WaitError::TimedOut)));
        let taken = u32::from(tried.is_ok()) + u32::from(other.join().unwrap());
        assert_eq!(taken, 1, "a permit was taken by so many");
        assert_eq!(semaphore.available(), 0);
    });
}

/// A waiter gives up at its deadline while another waits on: the permit is for one of them, and not lost between them.
#[test]
fn one_gives_up() {
    check(|| {
        let (semaphore, deadline) = (semaphore(0), Deadline::new());
        let (theirs, until) = (semaphore.clone(), deadline.clone());
        let late = thread::spawn(move || {
            if theirs.acquire_deadline(until).is_ok() {
                theirs.release(1).unwrap();
            }
        });
        let patient = taker(&semaphore);
        let clock = thread::spawn(move || deadline.pass());
        semaphore.release(1).unwrap();
        patient.join().unwrap();
        late.join().unwrap();
        clock.join().unwrap();
        assert_eq!(semaphore.available(), 0);
    });
}

/// With no permit to come, a deadline ends the wait.
#[test]
fn one_waits_in_vain() {
    check(|| {
        let (semaphore, deadline) = (semaphore(0), Deadline::new());
        let (theirs, until) = (semaphore.clone(), deadline.clone());
        let late = thread::spawn(move || theirs.acquire_deadline(until));
        deadline.pass();
        assert_eq!(late.join().unwrap(), Err(WaitError::TimedOut));
    });
}

/// Two sleep, a permit came from one who died before it woke anybody, and another one comes: whoever is woken for that one sees to
/// it that the other does not sleep on.
#[test]
fn a_permit_of_the_dead_is_passed_on() {
    check(|| {
        let semaphore = semaphore(0);
        let takers = [(); 2].map(|()| taker(&semaphore));
        semaphore.put_in_silence();
        semaphore.release(1).unwrap();
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        assert_eq!(semaphore.available(), 0);
    });
}

/// A process dies at each step of putting a permit back: it is there or not, and the next release wakes who waits.
#[test]
fn releaser_killed() {
    check_deaths(|k| {
        let (family, semaphore) = (Family::new(), semaphore(0));
        let theirs = semaphore.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.release(1).unwrap());
        let taker = taker(&semaphore);
        semaphore.release(1).unwrap();
        taker.join().unwrap();
        let left = if victim.join() == End::Killed { 0..=1 } else { 1..=1 };
        assert!(left.contains(&semaphore.available()), "a permit was lost or gained");
    });
}

/// Two sleep, and the one that was woken dies before it has done anything. Another one takes the permit, without a wait, and puts it
/// back: that wakes the other sleeper, as does one more release.
#[test]
fn woken_killed_beside_a_barger() {
    // All of its steps would take minutes. At this one the planted bug is found, and at no later one.
    const WOKEN: usize = 8;
    check(|| {
        let (family, semaphore) = (Family::new(), semaphore(0));
        let theirs = semaphore.clone();
        let victim = family.process().spawn_killed_at(WOKEN, move || theirs.acquire().unwrap());
        let other = taker(&semaphore);
        semaphore.release(1).unwrap();
        if semaphore.try_acquire().is_ok() {
            semaphore.release(1).unwrap();
        }
        semaphore.release(1).unwrap();
        victim.join();
        other.join().unwrap();
    });
}

/// A waiter dies at each of its steps, also with the wake-up that it was given, and with the permit: another one goes on with the
/// next release.
#[test]
fn waiter_killed() {
    check_deaths(|k| {
        let (family, semaphore) = (Family::new(), semaphore(0));
        let theirs = semaphore.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.acquire().unwrap());
        let other = taker(&semaphore);
        (0..2).for_each(|_| semaphore.release(1).unwrap());
        other.join().unwrap();
        if victim.join() == End::InOrder(()) {
            assert_eq!(semaphore.available(), 0);
        }
    });
}

//! Models of the semaphore that knows how many permits it has.

use std::sync::Arc;

use super::visits::Visits;
use crate::BoundedSemaphore;
use crate::primitive::Deadline;
use crate::primitive::model::{End, Family, check, check_deaths, shared, thread};

fn semaphore(permits: u32) -> Arc<BoundedSemaphore> {
    shared(BoundedSemaphore::new(permits))
}

/// Of two that release the one permit that is out, one is told that it is too many; nothing is changed by that.
#[test]
fn two_release_one_permit() {
    check(|| {
        let semaphore = semaphore(2);
        semaphore.acquire().unwrap();
        let theirs = semaphore.clone();
        let other = thread::spawn(move || theirs.release(1).is_ok());
        let mine = semaphore.release(1).is_ok();
        let accepted = u32::from(mine) + u32::from(other.join().unwrap());
        assert_eq!(accepted, 1, "an over-release was not seen");
        assert_eq!(semaphore.available(), 2);
    });
}

/// All or nothing: two permits are out, one releases two and another one. Whoever is too late puts nothing back.
#[test]
fn three_are_too_many() {
    check(|| {
        let semaphore = semaphore(3);
        (0..2).for_each(|_| semaphore.acquire().unwrap());
        let theirs = semaphore.clone();
        let other = thread::spawn(move || theirs.release(1).is_ok());
        let mine = semaphore.release(2).is_ok();
        assert!(mine != other.join().unwrap(), "an over-release was not seen");
        assert_eq!(semaphore.available(), if mine { 3 } else { 2 }, "a permit was lost or gained");
    });
}

/// Each has the permit by itself, and all of them come back.
#[test]
fn three_take_one_permit() {
    check(|| {
        let inside = Arc::new((semaphore(1), Visits::new()));
        let visit = |inside: &(Arc<BoundedSemaphore>, Visits)| {
            let _permit = inside.0.permit().unwrap();
            inside.1.visit();
        };
        let others = [(); 2].map(|()| {
            let inside = inside.clone();
            thread::spawn(move || visit(&inside))
        });
        visit(&inside);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!((inside.1.count(), inside.0.available()), (3, 1));
    });
}

/// A waiter gives up while the permit comes back.
#[test]
fn one_gives_up() {
    check(|| {
        let (semaphore, deadline) = (semaphore(1), Deadline::new());
        semaphore.acquire().unwrap();
        let (theirs, until) = (semaphore.clone(), deadline.clone());
        let late = thread::spawn(move || drop(theirs.permit_deadline(until)));
        let theirs = semaphore.clone();
        let patient = thread::spawn(move || drop(theirs.permit().unwrap()));
        let clock = thread::spawn(move || deadline.pass());
        semaphore.release(1).unwrap();
        [late, patient, clock].into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(semaphore.available(), 1);
    });
}

/// A process dies at each step of taking and giving back one of two permits: the other one goes round, and there is room for
/// at most one more.
#[test]
fn holder_killed() {
    check_deaths(|k| {
        let (family, semaphore) = (Family::new(), semaphore(2));
        let theirs = semaphore.clone();
        let victim = family.process().spawn_killed_at(k, move || drop(theirs.permit().unwrap()));
        for _ in 0..2 {
            drop(semaphore.permit().unwrap());
        }
        let killed = victim.join() == End::Killed;
        let free = semaphore.available();
        assert!(free == 2 || free == 1 && killed, "of two permits so many are left: {free}");
        let replaced = semaphore.release(1).is_ok();
        assert_eq!(replaced, free == 1, "an over-release was not seen");
        assert_eq!(semaphore.available(), 2);
    });
}

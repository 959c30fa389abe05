//! Models of the lock that nobody owns.

use std::sync::Arc;

use super::visits::Visits;
use crate::primitive::Deadline;
use crate::primitive::model::{End, Family, check, check_deaths, shared, thread};
use crate::{Lock, WaitError};

/// A lock, and what it guards.
struct Room {
    lock: Lock,
    visits: Visits,
}

fn room() -> Arc<Room> {
    Arc::new(Room { lock: Lock::new(), visits: Visits::new() })
}

impl Room {
    fn visit(&self) {
        self.lock.acquire().unwrap();
        self.visits.visit();
        self.lock.release().unwrap();
    }
}

#[test]
fn three_threads() {
    check(|| {
        let room = room();
        let others = [(); 2].map(|()| {
            let room = room.clone();
            thread::spawn(move || room.visit())
        });
        room.visit();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(room.visits.count(), 3);
        assert!(!room.lock.is_locked());
    });
}

/// One acquires, another releases, a third gets it.
#[test]
fn released_by_another() {
    check(|| {
        let room = room();
        room.lock.acquire().unwrap();
        room.visits.visit();
        let theirs = room.clone();
        let releaser = thread::spawn(move || theirs.lock.release().unwrap());
        let theirs = room.clone();
        let next = thread::spawn(move || theirs.visit());
        room.visit();
        [releaser, next].into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(room.visits.count(), 3);
    });
}

/// Of two that release it once acquired, one is told.
#[test]
fn two_release() {
    check(|| {
        let room = room();
        room.lock.acquire().unwrap();
        let theirs = room.clone();
        let other = thread::spawn(move || theirs.lock.release().is_ok());
        let mine = room.lock.release().is_ok();
        assert!(mine != other.join().unwrap(), "an over-release was not seen");
        room.lock.acquire().unwrap();
        assert_eq!(room.lock.try_acquire(), Err(WaitError::TimedOut), "two have the lock");
    });
}

/// A waiter gives up while the lock is released: who waits on gets it.
#[test]
fn one_gives_up() {
    check(|| {
        let (room, deadline) = (room(), Deadline::new());
        room.lock.acquire().unwrap();
        let (theirs, until) = (room.clone(), deadline.clone());
        let late = thread::spawn(move || drop(theirs.lock.hold_deadline(until)));
        let theirs = room.clone();
        let patient = thread::spawn(move || theirs.visit());
        let clock = thread::spawn(move || deadline.pass());
        room.lock.release().unwrap();
        [late, patient, clock].into_iter().for_each(|other| other.join().unwrap());
        assert!(!room.lock.is_locked());
    });
}

/// A process dies at each step of acquiring and releasing. Once it is gone its hold is released for it, if it had one; then two others
/// get through.
#[test]
fn holder_killed() {
    check_deaths(|k| {
        let (family, lock) = (Family::new(), shared(Lock::new()));
        let end = family.process().run_killed_at(k, || {
            lock.acquire().unwrap();
            lock.release().unwrap();
        });
        if lock.is_locked() {
            assert_eq!(end, End::Killed);
            lock.release().unwrap();
        }
        let theirs = lock.clone();
        let other = thread::spawn(move || drop(theirs.hold().unwrap()));
        drop(lock.hold().unwrap());
        other.join().unwrap();
        assert!(lock.release().is_err(), "an over-release was not seen");
    });
}

/// One of two waiters dies at each of its steps, maybe woken, maybe with the lock: then somebody releases it once more.
#[test]
fn waiter_killed() {
    check_deaths(|k| {
        let (family, lock) = (Family::new(), shared(Lock::new()));
        lock.acquire().unwrap();
        let theirs = lock.clone();
        let victim = family.process().spawn_killed_at(k, move || drop(theirs.hold().unwrap()));
        lock.release().unwrap();
        if victim.join() == End::Killed && lock.is_locked() {
            lock.release().unwrap();
        }
        drop(lock.hold().unwrap());
        assert!(!lock.is_locked());
    });
}

//! Models of the lock for many readers or one writer of a family, whose members die at every step.

use std::cell::Cell;
use std::sync::Arc;

use super::loom_rwlock::{assert_usable, look};
use super::pair::{Pair, increase};
use crate::primitive::Deadline;
use crate::primitive::model::{End, Family, Process, check, check_deaths, die, shared, step, thread};
use crate::{LockError, RwLock, RwLockWriteGuard};

type Robust<const READERS: usize> = Arc<RwLock<Pair, READERS>>;

fn robust<const READERS: usize>() -> Robust<READERS> {
    shared(RwLock::with_readers([0; 2]))
}

/// What one who came after a death found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Whole,
    Died,
    TimedOut,
}

fn use_to_read(lock: &RwLock<Pair, 1>, until: Deadline) -> Found {
    match lock.read_deadline(until) {
        Ok(guard) => {
            look(&guard);
            Found::Whole
        }
        // Maybe torn, but nobody writes.
        Err(LockError::OwnerDied(_)) => Found::Died,
        Err(LockError::TimedOut) => Found::TimedOut,
        Err(error) => panic!("no other error can be: {error}"),
    }
}

fn use_to_write(lock: &RwLock<Pair, 1>, until: Deadline) -> Found {
    match lock.write_deadline(until) {
        Ok(mut guard) => {
            increase(&mut guard);
            Found::Whole
        }
        Err(LockError::OwnerDied(mut guard)) => {
            guard[1] = guard[0];
            RwLockWriteGuard::mark_consistent(&mut guard);
            increase(&mut guard);
            Found::Died
        }
        Err(LockError::TimedOut) => Found::TimedOut,
        Err(error) => panic!("no other error can be: {error}"),
    }
}

/// Who comes after a death, or beside one, gets the lock, and is told of it if it was a writer's.
fn judge(found: Found, died: bool) {
    assert_ne!(found, Found::TimedOut, "kept out by a dead one");
    assert!(found == Found::Whole || died, "told of a death that nobody died");
}

/// The lock is had in both ways at once, whole after one has written, and left with its gate open.
fn assert_recovered(process: &Process, lock: &RwLock<Pair, 1>, died: bool) {
    process.run(|| {
        let passed = Deadline::new();
        passed.pass();
        judge(use_to_read(lock, passed.clone()), died);
        assert!(lock.is_open(), "the gate of a dead writer stayed shut");
        judge(use_to_write(lock, passed.clone()), died);
        assert_eq!(use_to_read(lock, passed.clone()), Found::Whole);
        assert_eq!(use_to_write(lock, passed), Found::Whole);
        assert_usable(lock);
    });
}

/// Has `act` killed at each of its steps, beside one that comes to read or to write and, if it is kept out until then, looks once more
/// when the victim is dead.
fn killed_beside(act: fn(&RwLock<Pair, 1>), other: fn(&RwLock<Pair, 1>, Deadline) -> Found, may_tear: bool) {
    check_deaths(move |k| {
        let (family, lock, deadline) = (Family::new(), robust(), Deadline::new());
        let (process, theirs, over) = (family.process(), lock.clone(), deadline.clone());
        let victim = thread::spawn(move || {
            let end = process.run_killed_at(k, || act(&theirs));
            over.pass();
            end
        });
        let survivor = family.process();
        let found = survivor.run(|| other(&lock, deadline));
        let died = victim.join().unwrap() == End::Killed;
        judge(found, died && may_tear);
        assert_recovered(&survivor, &lock, died && may_tear);
    });
}

fn reads(lock: &RwLock<Pair, 1>) {
    if let Ok(guard) = lock.read() {
        look(&guard);
    }
}

fn writes(lock: &RwLock<Pair, 1>) {
    if let Ok(mut guard) = lock.write() {
        increase(&mut guard);
    }
}

#[test]
fn reader_killed_beside_a_writer() {
    killed_beside(reads, use_to_write, false);
}

#[test]
fn writer_killed_beside_a_reader() {
    killed_beside(writes, use_to_read, true);
}

#[test]
fn writer_killed_beside_a_writer() {
    killed_beside(writes, use_to_write, true);
}

#[test]
fn killed_while_it_is_downgraded() {
    let downgrades = |lock: &RwLock<Pair, 1>| {
        if let Ok(mut guard) = lock.write() {
            increase(&mut guard);
            look(&RwLockWriteGuard::downgrade(guard));
        }
    };
    killed_beside(downgrades, use_to_write, true);
}

#[test]
fn killed_while_it_reads_again() {
    let reads_twice = |lock: &RwLock<Pair, 1>| {
        if let Ok(first) = lock.read()
            && let Ok(second) = lock.read()
        {
            drop(first);
            look(&second);
        }
    };
    killed_beside(reads_twice, use_to_write, false);
}

/// A writer dies inside, its data torn; one that comes to read and one that comes to write are told, or come after the mending.
#[test]
fn both_come_after_a_dead_writer() {
    check(|| {
        let (family, lock) = (Family::new(), robust());
        let end = family.process().run_killed_at(usize::MAX, || {
            let mut guard = lock.write().unwrap();
            guard[0] += 1;
            die();
        });
        assert_eq!(end, End::Killed::<()>);
        let (process, theirs) = (family.process(), lock.clone());
        let reader = process.spawn(move || use_to_read(&theirs, Deadline::new()));
        let survivor = family.process();
        let wrote = survivor.run(|| use_to_write(&lock, Deadline::new()));
        assert_eq!(wrote, Found::Died, "torn, and nobody said so");
        assert_ne!(reader.join(), Found::TimedOut);
        assert_recovered(&survivor, &lock, false);
    });
}

/// A reader dies, and another thread of its process reads on until the process has ended: nobody writes before.
#[test]
fn sibling_reads_until_the_end() {
    check_deaths(|k| {
        let (family, lock) = (Family::new(), robust::<1>());
        let (process, theirs) = (family.process(), lock.clone());
        let victim = thread::spawn(move || {
            let inside = Cell::new(false);
            let body = || {
                let guard = theirs.read().unwrap();
                inside.set(true);
                step();
                // From here on the release may have begun.
                inside.set(false);
                drop(guard);
            };
            let reads = || {
                if inside.get() {
                    theirs.look_behind_its_back();
                }
            };
            process.run_killed_within(k, body, reads);
        });
        let survivor = family.process();
        survivor.run(|| drop(lock.try_write().map(|mut guard| increase(&mut guard))));
        victim.join().unwrap();
        assert_recovered(&survivor, &lock, false);
    });
}

/// A thread leaks its guard and ends in order, and its process lives on: a writer is told, and keeps nobody out.
#[test]
fn reader_left() {
    check(|| {
        let (family, lock, deadline) = (Family::new(), robust::<2>(), Deadline::new());
        family.process().run(|| std::mem::forget(lock.read().unwrap()));
        let over = deadline.clone();
        let clock = thread::spawn(move || over.pass());
        family.process().run(|| {
            for refused in [lock.write_deadline(deadline), lock.try_write()] {
                assert!(matches!(refused, Err(LockError::OwnerLeft)), "one that left is waited for");
            }
            assert!(lock.try_read().is_ok());
        });
        clock.join().unwrap();
    });
}

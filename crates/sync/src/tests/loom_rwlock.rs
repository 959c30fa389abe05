//! Models of the lock for many readers or one writer.

use std::sync::Arc;

use super::pair::{Pair, increase};
use crate::primitive::Deadline;
use crate::primitive::model::{check, thread};
use crate::{LockError, RwLock, RwLockReadGuard, RwLockWriteGuard};

type Private<const READERS: usize> = Arc<RwLock<Pair, READERS>>;

fn private<const READERS: usize>() -> Private<READERS> {
    Arc::new(RwLock::with_readers([0; 2]))
}

/// The pair is whole. The model checker fails the model if somebody writes as long as there is a guard.
pub(super) fn look(pair: &RwLockReadGuard<'_, Pair>) -> u32 {
    assert_eq!(pair[0], pair[1], "the lock gave torn data without a word");
    pair[0]
}

fn read<const READERS: usize>(lock: &RwLock<Pair, READERS>) -> u32 {
    look(&lock.read().expect("nobody died"))
}

fn write<const READERS: usize>(lock: &RwLock<Pair, READERS>) {
    increase(&mut lock.write().expect("nobody died"));
}

/// All of it is free: no reader and no writer is left, and the gate is open.
pub(super) fn assert_usable<const READERS: usize>(lock: &RwLock<Pair, READERS>) {
    assert_eq!((lock.readers(), lock.has_writer()), (0, false), "a slot or the head was lost");
    assert!(lock.try_read().is_ok() && lock.try_write().is_ok(), "the lock was left in disorder");
}

#[test]
fn two_readers_and_a_writer() {
    check(|| {
        let lock = private::<2>();
        let readers = [(); 2].map(|()| {
            let lock = lock.clone();
            thread::spawn(move || read(&lock))
        });
        write(&lock);
        readers.into_iter().for_each(|reader| assert!(reader.join().unwrap() <= 1));
        assert_eq!(read(&lock), 1);
        assert_usable(&lock);
    });
}

/// Two want to write, and one reads still: the first is woken by that one, the second by the first.
#[test]
fn a_reader_before_two_writers() {
    check(|| {
        let lock = private::<1>();
        let guard = lock.read().unwrap();
        let writers = [(); 2].map(|()| {
            let lock = lock.clone();
            thread::spawn(move || write(&lock))
        });
        assert_eq!(look(&guard), 0);
        drop(guard);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(read(&lock), 2);
        assert_usable(&lock);
    });
}

/// Two readers for one slot: the second waits for the first, and a third one comes between.
#[test]
fn a_slot_too_few() {
    check(|| {
        let lock = private::<1>();
        let guard = lock.read().unwrap();
        let readers = [(); 2].map(|()| {
            let lock = lock.clone();
            thread::spawn(move || read(&lock))
        });
        drop(guard);
        readers.into_iter().for_each(|reader| assert_eq!(reader.join().unwrap(), 0));
        assert_usable(&lock);
    });
}

/// A thread that reads reads again while a writer waits for it.
#[test]
fn read_again_before_a_waiting_writer() {
    check(|| {
        let lock = private::<1>();
        let first = lock.read().unwrap();
        let theirs = lock.clone();
        let writer = thread::spawn(move || write(&theirs));
        let second = lock.read().unwrap();
        drop(first);
        assert_eq!(look(&second), 0, "a writer was let in before the last guard was dropped");
        drop(second);
        writer.join().unwrap();
        assert_usable(&lock);
    });
}

/// Nobody gets in before a writer that sleeps until the one who reads has left.
#[test]
fn a_waiting_writer_is_not_passed() {
    check(|| {
        let lock = private::<2>();
        let guard = lock.read().unwrap();
        let theirs = lock.clone();
        let writer = thread::spawn(move || write(&theirs));
        // The model checker does not try each order of a look and what the writer does to the claim, but this one.
        thread::yield_now();
        if lock.is_slept_for() {
            let theirs = lock.clone();
            let passer = thread::spawn(move || theirs.try_read().is_ok());
            assert!(!passer.join().unwrap(), "a reader came in before a waiting writer");
        }
        drop(guard);
        writer.join().unwrap();
        assert_usable(&lock);
    });
}

/// A writer that writes again lets one in before that was kept out by its first time.
#[test]
fn a_reader_that_was_kept_out_gets_its_turn() {
    check(|| {
        let lock = private::<1>();
        let guard = lock.write().unwrap();
        let theirs = lock.clone();
        let reader = thread::spawn(move || read(&theirs));
        let kept_out = lock.keeps_out();
        drop(guard);
        let guard = lock.write().unwrap();
        assert!(!kept_out || !lock.keeps_out(), "a writer overtook a reader that was kept out");
        drop(guard);
        reader.join().unwrap();
        assert_usable(&lock);
    });
}

/// One that is kept out gives up: no writer waits for it.
#[test]
fn a_reader_gives_up_its_turn() {
    check(|| {
        let (lock, deadline) = (private::<1>(), Deadline::new());
        let guard = lock.write().unwrap();
        let (theirs, until) = (lock.clone(), deadline.clone());
        let late = thread::spawn(move || {
            assert!(matches!(theirs.read_deadline(until), Err(LockError::TimedOut)));
        });
        deadline.pass();
        late.join().unwrap();
        drop(guard);
        write(&lock);
        assert_usable(&lock);
    });
}

/// A writer gives up before a reader that stays: those who were kept out by it come in.
#[test]
fn a_writer_gives_up() {
    check(|| {
        let (lock, deadline) = (private::<2>(), Deadline::new());
        let guard = lock.read().unwrap();
        let (theirs, until) = (lock.clone(), deadline.clone());
        let late = thread::spawn(move || {
            assert!(matches!(theirs.write_deadline(until), Err(LockError::TimedOut)));
        });
        let theirs = lock.clone();
        let reader = thread::spawn(move || read(&theirs));
        deadline.pass();
        assert_eq!(reader.join().unwrap(), 0);
        late.join().unwrap();
        drop(guard);
        assert_usable(&lock);
    });
}

/// Who writes goes on as a reader: what it has written is there, and another one writes after it.
#[test]
fn downgraded_before_a_writer_and_a_reader() {
    check(|| {
        let lock = private::<1>();
        let mut guard = lock.write().unwrap();
        let theirs = lock.clone();
        let writer = thread::spawn(move || write(&theirs));
        let theirs = lock.clone();
        let reader = thread::spawn(move || theirs.try_read().map(|guard| look(&guard)).ok());
        increase(&mut guard);
        let guard = RwLockWriteGuard::downgrade(guard);
        assert_eq!(look(&guard), 1, "somebody wrote in between");
        drop(guard);
        writer.join().unwrap();
        assert_ne!(reader.join().unwrap(), Some(0), "read before it was written");
        assert_usable(&lock);
    });
}

/// Who holds up whom is found out: neither the head nor the gate is kept.
#[test]
fn who_waits_for_itself_is_told() {
    check(|| {
        let lock = private::<2>();
        let guard = lock.read().unwrap();
        let theirs = lock.clone();
        let writer = thread::spawn(move || write(&theirs));
        assert!(matches!(lock.write(), Err(LockError::Deadlock(_))));
        drop(guard);
        writer.join().unwrap();
        let guard = lock.write().unwrap();
        assert!(matches!(lock.read(), Err(LockError::Deadlock(_))));
        assert!(matches!(lock.write(), Err(LockError::Deadlock(_))));
        drop(guard);
        assert_usable(&lock);
    });
}

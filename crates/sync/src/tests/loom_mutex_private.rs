//! Models of the lock of one process's threads.

use std::sync::Arc;

use super::pair::{Found, Pair, increase, take, take_until};
use crate::primitive::Deadline;
use crate::primitive::model::{check, thread};
use crate::{LockError, Mutex, MutexGuard};

fn private() -> Arc<Mutex<Pair>> {
    Arc::new(Mutex::new([0; 2]))
}

/// So many threads take the lock beside the first.
fn threads(others: u32) {
    check(move || {
        let mutex = private();
        let threads: Vec<_> = (0..others)
            .map(|_| {
                let mutex = mutex.clone();
                thread::spawn(move || take(&mutex))
            })
            .collect();
        assert_eq!(take(&mutex), Found::Whole);
        threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), Found::Whole));
        assert_eq!(*mutex.lock().unwrap(), [others + 1; 2]);
    });
}

#[test]
fn two_threads() {
    threads(1);
}

#[test]
fn three_threads() {
    threads(2);
}

/// Who only tries gets the lock or is told that it is held.
#[test]
fn one_tries() {
    check(|| {
        let mutex = private();
        let theirs = mutex.clone();
        let other = thread::spawn(move || take(&theirs));
        let tried = match mutex.try_lock() {
            Ok(mut guard) => {
                increase(&mut guard);
                1
            }
            Err(error) => {
                assert!(matches!(error, LockError::TimedOut), "{error}");
                0
            }
        };
        assert_eq!(other.join().unwrap(), Found::Whole);
        assert_eq!(*mutex.lock().unwrap(), [1 + tried; 2]);
    });
}

/// A waiter gives up at its deadline while another waits on: nobody is left asleep.
#[test]
fn one_gives_up() {
    check(|| {
        let (mutex, deadline) = (private(), Deadline::new());
        let guard = mutex.lock().unwrap();
        let (late, until) = (mutex.clone(), deadline.clone());
        let late = thread::spawn(move || take_until(&late, &until));
        let patient = mutex.clone();
        let patient = thread::spawn(move || take(&patient));
        let clock = thread::spawn(move || deadline.pass());
        drop(guard);
        let late = u32::from(late.join().unwrap() == Found::Whole);
        assert_eq!(patient.join().unwrap(), Found::Whole);
        clock.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), [1 + late; 2]);
    });
}

/// Given up for good: who waits is told, and so is the next.
#[test]
fn abandoned_with_two_waiters() {
    check(|| {
        let mutex = private();
        let guard = mutex.lock().unwrap();
        let waiters = [(); 2].map(|()| {
            let mutex = mutex.clone();
            thread::spawn(move || take(&mutex))
        });
        MutexGuard::abandon(guard);
        waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join().unwrap(), Found::Abandoned));
    });
}

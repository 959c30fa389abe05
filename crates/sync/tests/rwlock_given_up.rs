//! Waits for a lock for readers and writers that are given up while others wait behind them: who is kept out comes in, and nothing of the
//! wait stays. In private memory no heartbeat hides a wake-up that is lost.

mod common;

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use common::share;
use multiproc_sync::{LockError, LockResult, RwLock};
use multiproc_testkit::{Watchdog, eventually};

type Lock<const READERS: usize> = &'static RwLock<u64, READERS>;

fn both<const READERS: usize>() -> [Lock<READERS>; 2] {
    [Box::leak(Box::new(RwLock::with_readers(0))), share(RwLock::with_readers(0))]
}

fn is_late<G>(found: LockResult<G>) -> bool {
    matches!(found, Err(LockError::TimedOut))
}

/// Times that pass before the sleep, in the middle of going to it, and in it.
fn times(rounds: u64) -> impl Iterator<Item = Duration> {
    (0..rounds).map(|round| Duration::from_micros([0, 1, 10, 60, 300, 3000][round as usize % 6] + round % 7))
}

fn assert_as_new<const READERS: usize>(lock: Lock<READERS>) {
    assert_eq!((lock.readers(), lock.has_writer()), (0, false));
    assert!(lock.try_write().is_ok());
    let inside = Barrier::new(READERS);
    let reads = || {
        let found = lock.try_read().map(drop).is_ok();
        inside.wait();
        found
    };
    thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(reads)).collect();
        assert!(readers.into_iter().all(|reader| reader.join().unwrap()));
    });
}

/// One reads all the time: behind a writer that gives up, others come in beside it, and are not waited for.
#[test]
fn behind_a_writer_that_gives_up_readers_come_in() {
    let _watchdog = Watchdog::with_limit(120);
    for lock in both::<4>() {
        for time in times(120) {
            let guard = lock.read().unwrap();
            thread::scope(|scope| {
                let writers = [(); 2].map(|()| scope.spawn(|| is_late(lock.write_timeout(time))));
                let readers = [(); 2].map(|()| scope.spawn(|| *lock.read().unwrap()));
                assert_eq!(readers.map(|reader| reader.join().unwrap()), [0; 2]);
                assert!(writers.into_iter().all(|writer| writer.join().unwrap()));
            });
            assert_eq!((lock.readers(), lock.has_writer()), (1, false));
            drop(guard);
        }
        assert_as_new(lock);
    }
}

/// All slots are taken: who waits for one, and who is kept out behind that, give up; the one who stays gets it.
#[test]
fn behind_a_reader_that_gives_up_the_next_one_gets_the_slot() {
    let _watchdog = Watchdog::with_limit(120);
    for lock in both::<1>() {
        for time in times(120) {
            let guard = lock.read().unwrap();
            thread::scope(|scope| {
                let readers = [(); 2].map(|()| scope.spawn(|| is_late(lock.read_timeout(time))));
                let writer = scope.spawn(|| is_late(lock.write_timeout(time)));
                let stays = scope.spawn(|| *lock.read().unwrap());
                assert!(readers.into_iter().all(|reader| reader.join().unwrap()));
                assert!(writer.join().unwrap());
                drop(guard);
                assert_eq!(stays.join().unwrap(), 0);
            });
            assert_eq!((lock.readers(), lock.has_writer()), (0, false));
        }
        assert_as_new(lock);
    }
}

/// One writes all the time: whoever is kept out and gives up has no turn any more, that another writer would wait for.
#[test]
fn who_was_kept_out_and_gave_up_is_not_waited_for() {
    let _watchdog = Watchdog::with_limit(120);
    for lock in both::<2>() {
        for time in times(60) {
            let guard = lock.write().unwrap();
            thread::scope(|scope| {
                let late = [(); 3].map(|()| scope.spawn(|| is_late(lock.read_timeout(time))));
                let writer = scope.spawn(|| *lock.write().unwrap() += 1);
                assert!(late.into_iter().all(|reader| reader.join().unwrap()));
                drop(guard);
                writer.join().unwrap();
            });
        }
        assert_eq!(*lock.read().unwrap(), 60);
        assert_as_new(lock);
    }
}

/// The next one that keeps others out does so after one that gave up, and is woken.
#[test]
fn a_writer_behind_one_that_gives_up_gets_the_lock() {
    let _watchdog = Watchdog::with_limit(120);
    for lock in both::<2>() {
        for time in times(60) {
            let guard = lock.read().unwrap();
            thread::scope(|scope| {
                let late = scope.spawn(|| is_late(lock.write_timeout(time)));
                let writer = scope.spawn(|| *lock.write().unwrap() += 1);
                assert!(late.join().unwrap());
                eventually("the other one has its place", || lock.has_writer());
                drop(guard);
                writer.join().unwrap();
            });
        }
        assert_eq!(*lock.read().unwrap(), 60);
        assert_as_new(lock);
    }
}

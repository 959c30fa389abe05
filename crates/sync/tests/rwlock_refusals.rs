//! What one is told who is refused a lock for readers and writers: of readers where those are in the way, of a writer where that is, of
//! itself where it would wait for itself.
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::{Fork, flag, fork, idle, kill, share, thread_id};
use multiproc_sync::{LockError, LockResult, RwLock, RwLockReadGuard};
use multiproc_testkit::{Watchdog, eventually, state_of};

type Shared<const READERS: usize> = &'static RwLock<[u64; 2], READERS>;

fn both<const READERS: usize>() -> [Shared<READERS>; 2] {
    [Box::leak(Box::new(RwLock::with_readers([0; 2]))), share(RwLock::with_readers([0; 2]))]
}

fn is_too_many(found: &LockResult<RwLockReadGuard<'_, [u64; 2]>>) -> bool {
    matches!(found, Err(LockError::TooManyReaders))
}

/// There are more slots than threads: whoever is refused meets a writer.
#[test]
fn who_meets_a_writer_is_not_told_of_readers() {
    const ROUNDS: u32 = 200_000;
    let _watchdog = Watchdog::with_limit(120);
    for lock in both::<8>() {
        thread::scope(|scope| {
            (0..2).for_each(|_| _ = scope.spawn(|| (0..ROUNDS).for_each(|_| drop(lock.try_write()))));
            let readers = [(); 2]
                .map(|()| scope.spawn(|| (0..ROUNDS).filter(|_| is_too_many(&lock.try_read())).count()));
            let told = readers.map(|reader| reader.join().unwrap());
            assert_eq!(told, [0; 2], "refused for want of a slot, of which there are more than threads");
        });
    }
}

/// The thread's own slot is in the way of its writing, behind another's that it is not to wait for.
#[test]
fn who_would_wait_for_itself_is_told_also_behind_another_reader() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in both::<2>() {
        let (inside, tried) = (Barrier::new(2), Barrier::new(2));
        let writes = || {
            let _guard = lock.read().unwrap();
            inside.wait();
            let told = [lock.try_write(), lock.write_timeout(Duration::from_millis(50))];
            tried.wait();
            told.map(|refused| matches!(refused, Err(LockError::Deadlock(_))))
        };
        let told =
            thread::scope(|scope| [(); 2].map(|()| scope.spawn(writes)).map(|writer| writer.join().unwrap()));
        assert_eq!(told, [[true; 2]; 2]);
        assert!(lock.try_write().is_ok());
    }
}

/// Another one waits for a slot already.
#[test]
fn where_readers_wait_for_a_slot_others_are_told_of_readers() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in both::<1>() {
        let guard = lock.read().unwrap();
        let waiting = flag();
        thread::scope(|scope| {
            let waits = scope.spawn(|| {
                waiting.store(thread_id(), SeqCst);
                drop(lock.read().unwrap());
            });
            eventually("it sleeps", || {
                waiting.load(SeqCst) != 0 && state_of(waiting.load(SeqCst)) == Some('S')
            });
            let told = scope.spawn(|| (0..100).filter(|_| is_too_many(&lock.try_read())).count());
            assert_eq!(told.join().unwrap(), 100);
            drop(guard);
            waits.join().unwrap();
        });
        assert!(lock.try_write().is_ok());
    }
}

/// A process that reads until it is let go.
struct Reader {
    _process: Fork,
    leaves: &'static AtomicU32,
}

impl Reader {
    fn of<const READERS: usize>(lock: Shared<READERS>) -> Self {
        let (before, leaves) = (lock.readers(), flag());
        let process = fork(|| {
            let guard = lock.read().unwrap();
            eventually("it is let go", || leaves.load(SeqCst) == 1);
            drop(guard);
            idle();
        });
        eventually("it reads", || lock.readers() == before + 1);
        Self { _process: process, leaves }
    }
}

/// A writer that waits marks the slots that are in its way, for who leaves to wake it. Killed then, it leaves such a mark on one that is free.
#[test]
fn a_slot_that_a_dead_writer_has_marked_is_to_be_had() {
    let _watchdog = Watchdog::with_limit(120);
    for round in 0..5 {
        let lock: Shared<2> = share(RwLock::with_readers([0; 2]));
        let readers = [Reader::of(lock), Reader::of(lock)];
        let writer = fork(|| drop(lock.write()));
        eventually("it waits", || lock.has_writer() && state_of(writer.pid()) == Some('S'));
        readers[0].leaves.store(1, SeqCst);
        eventually("one has left", || lock.readers() == 1);
        kill(writer);
        readers[1].leaves.store(1, SeqCst);
        eventually("both have left", || lock.readers() == 0);
        assert!(lock.try_write().is_ok(), "round {round}");
        let inside = Barrier::new(2);
        let reads = || {
            let found = lock.try_read();
            inside.wait();
            found.map(drop).map_err(|error| format!("{error:?}"))
        };
        let found =
            thread::scope(|scope| [(); 2].map(|()| scope.spawn(reads)).map(|reader| reader.join().unwrap()));
        assert_eq!(found, [Ok(()), Ok(())], "two slots, two readers, round {round}");
    }
}

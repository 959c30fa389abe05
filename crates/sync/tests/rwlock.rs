//! The lock for many readers or one writer, between threads and between processes that live.
#![allow(clippy::disallowed_types)] // counters beside the lock, not the lock

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{fork, reap, share};
use multiproc_sync::{LockError, MAX_READERS, RwLock, RwLockWriteGuard};
use multiproc_testkit::{Watchdog, eventually};

fn both<const READERS: usize>() -> [&'static RwLock<[u64; 2], READERS>; 2] {
    [Box::leak(Box::new(RwLock::with_readers([0; 2]))), share(RwLock::with_readers([0; 2]))]
}

#[test]
fn who_writes_is_alone_and_who_reads_sees_it_whole() {
    let _watchdog = Watchdog::with_limit(120);
    for lock in both::<3>() {
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..3000 {
                        let mut pair = lock.write().unwrap();
                        pair[0] += 1;
                        assert_eq!(pair[0], pair[1] + 1);
                        pair[1] += 1;
                    }
                });
            }
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..3000 {
                        let pair = lock.read().unwrap();
                        assert_eq!(pair[0], pair[1]);
                    }
                });
            }
        });
        assert_eq!(*lock.read().unwrap(), [6000; 2]);
        assert_eq!((lock.readers(), lock.has_writer()), (0, false));
    }
}

#[test]
fn processes_read_together_and_write_alone() {
    let _watchdog = Watchdog::with_limit(120);
    let lock = share(RwLock::new([0_u64; 2]));
    let writes = || {
        for _ in 0..1000 {
            let mut pair = lock.write().unwrap();
            pair[0] += 1;
            thread::yield_now();
            pair[1] += 1;
        }
    };
    let reads = || {
        for _ in 0..1000 {
            let pair = lock.read().unwrap();
            assert_eq!(pair[0], pair[1]);
        }
    };
    let others = [fork(writes), fork(reads), fork(reads)];
    writes();
    assert_eq!(others.map(reap), [0; 3]);
    assert_eq!(*lock.read().unwrap(), [2000; 2]);
}

#[test]
fn readers_are_inside_together() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in both::<4>() {
        let barrier = std::sync::Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let _guard = lock.read().unwrap();
                    barrier.wait();
                    assert_eq!(lock.readers(), 4);
                    barrier.wait();
                });
            }
        });
    }
}

#[test]
fn what_is_held_is_refused_at_once_or_in_time() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in both::<2>() {
        let timeout = Duration::from_millis(30);
        let guard = lock.read().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(matches!(lock.try_write(), Err(LockError::TimedOut)));
                let begun = Instant::now();
                assert!(matches!(lock.write_timeout(timeout), Err(LockError::TimedOut)));
                assert!(begun.elapsed() >= timeout);
                assert!(matches!(lock.write_deadline(begun), Err(LockError::TimedOut)));
                assert!(matches!(lock.write_timeout(Duration::ZERO), Err(LockError::TimedOut)));
                // Who has waited in vain keeps nobody out.
                assert!(lock.try_read().is_ok());
            });
        });
        drop(guard);
        let guard = lock.write().unwrap();
        assert!(lock.has_writer());
        thread::scope(|scope| {
            scope.spawn(|| {
                assert!(matches!(lock.try_write(), Err(LockError::TimedOut)));
                assert!(matches!(lock.try_read(), Err(LockError::TimedOut)));
                let begun = Instant::now();
                assert!(matches!(lock.read_timeout(timeout), Err(LockError::TimedOut)));
                assert!(begun.elapsed() >= timeout);
                assert!(matches!(lock.read_deadline(begun), Err(LockError::TimedOut)));
            });
        });
        drop(guard);
        let passed = Instant::now();
        assert!(lock.read_deadline(passed).is_ok() && lock.write_deadline(passed).is_ok());
        assert!(lock.read_timeout(Duration::MAX).is_ok() && lock.write_timeout(Duration::MAX).is_ok());
    }
}

#[test]
fn one_reader_more_than_there_are_slots_is_told_or_waits() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in both::<1>() {
        let guard = lock.read().unwrap();
        thread::scope(|scope| {
            let refused = scope.spawn(|| matches!(lock.try_read(), Err(LockError::TooManyReaders)));
            assert!(refused.join().unwrap());
            let late = scope
                .spawn(|| matches!(lock.read_timeout(Duration::from_millis(20)), Err(LockError::TimedOut)));
            assert!(late.join().unwrap());
            let waiters = [(); 3].map(|()| scope.spawn(|| lock.read().unwrap()[0]));
            thread::sleep(Duration::from_millis(5));
            drop(guard);
            waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join().unwrap(), 0));
        });
        assert!(lock.try_write().is_ok());
    }
}

#[test]
fn as_many_readers_as_there_may_be() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in both::<MAX_READERS>() {
        let all_in = std::sync::Barrier::new(MAX_READERS + 1);
        thread::scope(|scope| {
            for _ in 0..MAX_READERS {
                scope.spawn(|| {
                    let _guard = lock.read().unwrap();
                    all_in.wait();
                    all_in.wait();
                });
            }
            all_in.wait();
            assert_eq!(lock.readers(), MAX_READERS);
            assert!(matches!(lock.try_read(), Err(LockError::TooManyReaders)));
            all_in.wait();
        });
        assert!(lock.try_write().is_ok());
    }
}

#[test]
fn a_thread_reads_again_while_a_writer_waits() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in both::<2>() {
        let first = lock.read().unwrap();
        thread::scope(|scope| {
            let writer = scope.spawn(|| lock.write().unwrap()[0] = 1);
            eventually("it waits", || lock.has_writer());
            let again: Vec<_> = (0..100).map(|_| lock.read().unwrap()).collect();
            assert!(lock.try_read().is_ok());
            assert_eq!(lock.readers(), 1, "one thread has one slot");
            drop(first);
            assert_eq!(again[99][0], 0);
            drop(again);
            writer.join().unwrap();
        });
        assert_eq!(lock.read().unwrap()[0], 1);
    }
}

/// Also where the slot is not the one that the thread tries first, and that one has become free since.
#[test]
fn a_thread_never_has_two_slots() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in both::<2>() {
        // Some of these begin where another one is.
        for _ in 0..20 {
            let taken = std::sync::Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    let guard = lock.read().unwrap();
                    taken.wait();
                    taken.wait();
                    drop(guard);
                    taken.wait();
                });
                taken.wait();
                let first = lock.read().unwrap();
                taken.wait();
                taken.wait();
                let second = lock.read().unwrap();
                assert_eq!(lock.readers(), 1);
                drop(first);
                assert_eq!(lock.readers(), 1);
                drop(second);
                assert_eq!(lock.readers(), 0);
            });
        }
    }
}

#[test]
fn who_would_wait_for_itself_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in both::<2>() {
        let guard = lock.read().unwrap();
        for refused in [lock.write(), lock.try_write(), lock.write_timeout(Duration::MAX)] {
            assert!(matches!(refused, Err(LockError::Deadlock(_))));
        }
        thread::scope(|scope| {
            let writer = scope.spawn(|| lock.write().unwrap()[0] = 1);
            eventually("it waits", || lock.has_writer());
            assert!(matches!(lock.write(), Err(LockError::Deadlock(_))), "it waits for this thread");
            drop(guard);
            writer.join().unwrap();
        });
        let guard = lock.write().unwrap();
        assert!(matches!(lock.read(), Err(LockError::Deadlock(_))));
        assert!(matches!(lock.try_read(), Err(LockError::Deadlock(_))));
        assert!(matches!(lock.write(), Err(LockError::Deadlock(_))));
        drop(guard);
        assert!(lock.try_read().is_ok() && lock.try_write().is_ok());
    }
}

#[test]
fn downgraded_it_lets_readers_in_and_no_writer_before() {
    let _watchdog = Watchdog::with_limit(60);
    for lock in both::<2>() {
        for round in 1..200 {
            let mut guard = lock.write().unwrap();
            thread::scope(|scope| {
                let writer = scope.spawn(|| *lock.write().unwrap() = [0; 2]);
                let reader = scope.spawn(|| lock.read().unwrap()[0]);
                *guard = [round; 2];
                let guard = RwLockWriteGuard::downgrade(guard);
                assert_eq!(*guard, [round; 2]);
                drop(guard);
                assert!([0, round].contains(&reader.join().unwrap()));
                writer.join().unwrap();
            });
        }
        let reading = RwLockWriteGuard::downgrade(lock.write().unwrap());
        let again = lock.read().unwrap();
        drop(reading);
        assert_eq!(lock.readers(), 1);
        drop(again);
        assert!(lock.try_write().is_ok());
    }
}

/// A writer that would have the lock all the time lets those in who wait, and is let in by those who read all the time.
#[test]
fn neither_side_is_kept_out_for_ever() {
    let _watchdog = Watchdog::with_limit(120);
    for lock in both::<4>() {
        for (readers, writers) in [(4, 1), (1, 4)] {
            let (reads, writes, over) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
            let count = |count: &AtomicU32| {
                if count.fetch_add(1, SeqCst) + 1 == 200 {
                    over.fetch_add(1, SeqCst);
                }
            };
            thread::scope(|scope| {
                for _ in 0..readers {
                    scope.spawn(|| {
                        while over.load(SeqCst) < 2 {
                            assert!(lock.read().is_ok());
                            count(&reads);
                        }
                    });
                }
                for _ in 0..writers {
                    scope.spawn(|| {
                        while over.load(SeqCst) < 2 {
                            assert!(lock.write().is_ok());
                            count(&writes);
                        }
                    });
                }
            });
            assert!(reads.into_inner() >= 200 && writes.into_inner() >= 200);
        }
    }
}

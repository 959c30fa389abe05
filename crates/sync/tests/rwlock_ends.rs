//! What becomes of a lock for readers and writers whose users die, leak their guards or end without dropping them. `unsafe`: a slot is
//! written behind the lock's back.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // a word of the lock, not the lock

mod common;

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{LockError, LockResult, RwLock, RwLockReadGuard, RwLockWriteGuard, registry};
use multiproc_testkit::{Watchdog, eventually, state_of};

type Shared<const READERS: usize> = &'static RwLock<[u64; 2], READERS>;

fn lock<const READERS: usize>() -> Shared<READERS> {
    share(RwLock::with_readers([0; 2]))
}

/// A process that reads until it is killed, with three guards.
fn reader<const READERS: usize>(lock: Shared<READERS>) -> Fork {
    let before = lock.readers();
    let reader = fork(|| {
        let _guards = [(); 3].map(|()| lock.read().unwrap());
        idle();
    });
    eventually("it reads", || lock.readers() == before + 1);
    reader
}

/// A process that is killed in the middle of its writing.
fn writer<const READERS: usize>(lock: Shared<READERS>) -> Fork {
    let inside = flag();
    let writer = fork(|| {
        let mut guard = lock.write().unwrap();
        guard[0] += 1;
        inside.store(1, SeqCst);
        idle();
    });
    eventually("it writes", || inside.load(SeqCst) == 1);
    writer
}

fn asleep(body: impl FnOnce()) -> Fork {
    let waiter = fork(body);
    eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    waiter
}

fn died(found: LockResult<RwLockReadGuard<'_, [u64; 2]>>) -> bool {
    matches!(found, Err(LockError::OwnerDied(_)))
}

#[test]
fn after_a_dead_writer_all_are_told_until_the_data_are_mended() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = lock::<3>();
    let victim = writer(lock);
    let readers = [(); 3].map(|()| asleep(|| assert!(died(lock.read()))));
    assert!(matches!(lock.try_read(), Err(LockError::TimedOut)));
    kill(victim);
    assert_eq!(readers.map(reap), [0; 3]);
    assert!(lock.is_poisoned() && died(lock.try_read()) && died(lock.read()));
    let Err(LockError::OwnerDied(mut guard)) = lock.write() else { panic!("a writer died") };
    assert_eq!(*guard, [1, 0]);
    guard[1] = 1;
    RwLockWriteGuard::mark_consistent(&mut guard);
    assert_eq!(*RwLockWriteGuard::downgrade(guard), [1, 1]);
    assert!(lock.try_read().is_ok() && lock.try_write().is_ok());
}

#[test]
fn whoever_comes_first_after_a_dead_writer_finds_the_gate_and_opens_it() {
    let _watchdog = Watchdog::with_limit(60);
    for reads in [true, false] {
        let lock = lock::<1>();
        kill(writer(lock));
        if reads {
            assert!(died(lock.try_read()));
            assert!(died(lock.try_read()));
        }
        drop(lock.write_or_reset(|pair| *pair = [0; 2]).unwrap());
        assert_eq!((lock.readers(), lock.has_writer()), (0, false));
        assert!(lock.try_read().is_ok());
    }
}

#[test]
fn a_dead_reader_is_missed_by_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = lock::<2>();
    let (victim, survivor) = (reader(lock), reader(lock));
    assert!(matches!(lock.try_write(), Err(LockError::TimedOut)));
    assert!(matches!(lock.try_read(), Err(LockError::TooManyReaders)));
    kill(victim);
    // Its slot is had at once, and told of to nobody.
    assert!(lock.try_read().is_ok());
    assert!(matches!(lock.try_write(), Err(LockError::TimedOut)), "one lives");
    kill(survivor);
    assert!(lock.try_write().is_ok() && lock.try_read().is_ok());
    assert_eq!(lock.readers(), 0);
}

#[test]
fn who_waits_for_readers_gets_on_when_they_die() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = lock::<2>();
    let victims = [reader(lock), reader(lock)];
    let waiters = [
        asleep(|| assert!(lock.write().is_ok())),
        asleep(|| assert!(lock.read().is_ok())),
        asleep(|| assert!(lock.write().is_ok())),
    ];
    victims.into_iter().for_each(|victim| _ = kill(victim));
    assert_eq!(waiters.map(reap), [0; 3]);
}

#[test]
fn a_writer_that_dies_while_it_waits_has_not_written() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = lock::<2>();
    let guard = lock.read().unwrap();
    let victim = asleep(|| drop(lock.write()));
    eventually("it waits", || lock.has_writer());
    kill(victim);
    thread::scope(|scope| {
        let reads = scope.spawn(|| assert!(lock.read().is_ok(), "the gate was shut by a dead one"));
        reads.join().unwrap();
    });
    drop(guard);
    assert!(!lock.is_poisoned() && lock.try_write().is_ok() && lock.try_read().is_ok());
}

/// As many as may be killed while they are kept out: a writer waits for them no longer than a moment.
#[test]
fn readers_that_die_while_they_are_kept_out_keep_no_writer_out() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = lock::<1>();
    let guard = lock.write().unwrap();
    let victims = [(); 3].map(|()| asleep(|| drop(lock.read())));
    let writer = asleep(|| assert!(lock.write().is_ok()));
    victims.into_iter().for_each(|victim| _ = kill(victim));
    drop(guard);
    assert_eq!(reap(writer), 0);
    for _ in 0..3 {
        assert!(lock.write().is_ok());
    }
}

#[test]
fn killed_waiters_are_missed_by_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = lock::<1>();
    for writes in [true, false] {
        let guards = if writes { (lock.write().ok(), None) } else { (None, lock.read().ok()) };
        let victims =
            [asleep(|| drop(lock.write())), asleep(|| drop(lock.read())), asleep(|| drop(lock.write()))];
        let survivors = [asleep(|| drop(lock.read().unwrap())), asleep(|| drop(lock.write().unwrap()))];
        victims.into_iter().for_each(|victim| _ = kill(victim));
        drop(guards);
        assert_eq!(survivors.map(reap), [0; 2]);
    }
    assert!(!lock.is_poisoned());
}

#[test]
fn what_a_thread_that_left_has_leaked_is_told_until_its_process_ends() {
    let _watchdog = Watchdog::with_limit(60);
    let (lock, left) = (lock::<2>(), flag());
    let leaks = fork(|| {
        let leaks = thread::spawn(|| mem::forget(lock.read().unwrap()));
        leaks.join().unwrap();
        left.store(1, SeqCst);
        idle();
    });
    eventually("the thread has left", || left.load(SeqCst) == 1);
    assert!(matches!(lock.write(), Err(LockError::OwnerLeft)));
    assert!(matches!(lock.try_write(), Err(LockError::OwnerLeft)));
    assert!(lock.try_read().is_ok(), "it is in nobody's way who reads");
    kill(leaks);
    assert!(lock.try_write().is_ok());
    left.store(0, SeqCst);
    let leaks = fork(|| {
        let leaks = thread::spawn(|| mem::forget(lock.write().unwrap()));
        leaks.join().unwrap();
        left.store(1, SeqCst);
        idle();
    });
    eventually("the thread has left", || left.load(SeqCst) == 1);
    assert!(matches!(lock.read(), Err(LockError::OwnerLeft)));
    assert!(matches!(lock.try_write(), Err(LockError::OwnerLeft)));
    kill(leaks);
    assert!(died(lock.read()));
}

/// A writer's guard keeps its memory mapped, as the kernel knows the lock by its address; a reader's does not.
#[test]
fn a_forgotten_guard_is_its_threads() {
    let _watchdog = Watchdog::with_limit(60);
    let [read, written] = [(); 2].map(|()| lock::<2>());
    let range = |lock: Shared<2>| {
        let start = std::ptr::from_ref(lock).addr();
        start..start + size_of_val(lock)
    };
    mem::forget(read.read().unwrap());
    assert!(matches!(read.write(), Err(LockError::Deadlock(_))));
    assert!(read.read().is_ok() && !registry::holds_within(&range(read)));
    mem::forget(written.write().unwrap());
    assert!(matches!(written.write(), Err(LockError::Deadlock(_))));
    assert!(matches!(written.read(), Err(LockError::Deadlock(_))));
    assert!(registry::holds_within(&range(written)));
}

#[test]
fn a_process_that_exits_with_guards_leaves_what_a_dead_one_does() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = lock::<2>();
    assert_eq!(reap(fork(|| mem::forget(lock.read().unwrap()))), 0);
    assert!(lock.write().is_ok());
    assert_eq!(reap(fork(|| mem::forget(lock.write().unwrap()))), 0);
    assert!(died(lock.read()));
}

/// Slots of the dead are used again, however many died.
#[test]
fn slots_are_not_used_up_by_deaths() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = lock::<3>();
    for round in 0..10 {
        (0..3).map(|_| reader(lock)).collect::<Vec<_>>().into_iter().for_each(|reader| _ = kill(reader));
        let guards = fork(|| {
            let first = lock.read().unwrap();
            thread::scope(|scope| {
                scope.spawn(|| assert!(lock.read().is_ok()));
            });
            drop(first);
        });
        assert_eq!(reap(guards), 0, "round {round}");
        assert!(lock.write().is_ok());
        assert_eq!(lock.readers(), 0);
    }
}

/// The heartbeat: a slot that got free without a ring is found all the same.
#[test]
fn a_slot_whose_ring_never_came_is_found_by_the_heartbeat() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = lock::<1>();
    mem::forget(lock.read().unwrap());
    let writer = asleep(|| drop(lock.write().unwrap()));
    thread::sleep(Duration::from_millis(10));
    // SAFETY: the slot is the second part of 128 bytes, its claim a word of 8, and every value of that is one.
    unsafe { AtomicU64::from_ptr(std::ptr::from_ref(lock).cast::<u64>().cast_mut().add(16)) }
        .store(0, SeqCst);
    assert_eq!(reap(writer), 0);
}

#[test]
fn a_fork_that_lives_does_not_keep_its_dead_parents_slot() {
    let _watchdog = Watchdog::with_limit(60);
    // SAFETY: sets a flag of this process: the fork of a fork is its child when that is dead.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) }, 0);
    let (lock, number) = (lock::<1>(), flag());
    let parent = fork(|| {
        let _guard = lock.read().unwrap();
        let child = fork(|| idle());
        number.store(child.pid(), SeqCst);
        idle();
    });
    eventually("it has forked", || number.load(SeqCst) != 0);
    kill(parent);
    let written = lock.write_timeout(Duration::from_secs(30)).is_ok();
    kill(Fork::adopt(number.load(SeqCst).cast_signed()));
    assert!(written);
}

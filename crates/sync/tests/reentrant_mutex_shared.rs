//! A mutex that its owner may lock again, in shared memory, between threads and processes that end in every way. `unsafe`: ends threads
//! and copies guards behind the runtime's back.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;

use std::cell::Cell;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::{Condvar, LockError, MAX_HELD, Mutex, ReentrantMutex, ReentrantMutexGuard, registry};
use multiproc_testkit::{Watchdog, eventually};

type Pair = ReentrantMutex<[Cell<u64>; 2]>;
type Guard = ReentrantMutexGuard<'static, [Cell<u64>; 2]>;

fn pair() -> &'static Pair {
    share(ReentrantMutex::new([Cell::new(0), Cell::new(0)]))
}

fn values(pair: &[Cell<u64>; 2]) -> [u64; 2] {
    [pair[0].get(), pair[1].get()]
}

fn range<T>(value: &T) -> std::ops::Range<usize> {
    let start = std::ptr::from_ref(value) as usize;
    start..start + size_of::<T>()
}

#[test]
fn two_processes_exclude_each_other_at_two_levels() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = pair();
    let count = || {
        for _ in 0..50_000 {
            let outer = mutex.lock().unwrap();
            outer[0].set(outer[0].get() + 1);
            let inner = mutex.lock().unwrap();
            assert_eq!(inner[0].get(), inner[1].get() + 1);
            drop(inner);
            outer[1].set(outer[1].get() + 1);
        }
    };
    let other = fork(count);
    count();
    assert_eq!(reap(other), 0);
    assert_eq!(values(&mutex.lock().unwrap()), [100_000; 2]);
}

/// Who takes over from one that died with three guards has one.
#[test]
fn a_dead_owner_is_told_at_each_level_until_the_data_are_mended() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, held) = (pair(), flag());
    let owner = fork(|| {
        let guards = [(); 3].map(|()| mutex.lock().unwrap());
        guards[2][0].set(1);
        held.store(1, SeqCst);
        idle();
    });
    eventually("the lock is held", || held.load(SeqCst) == 1);
    assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)));
    assert!(matches!(mutex.lock_timeout(Duration::from_millis(20)), Err(LockError::TimedOut)));
    kill(owner);
    let Err(LockError::OwnerDied(outer)) = mutex.lock() else { panic!("the owner died") };
    assert_eq!((values(&outer), Guard::depth(&outer)), ([1, 0], 1));
    let Err(LockError::OwnerDied(mut inner)) = mutex.lock() else { panic!("not yet mended") };
    assert_eq!(Guard::depth(&inner), 2);
    inner[0].set(0);
    Guard::mark_consistent(&mut inner);
    drop((inner, outer));
    assert!(!mutex.is_locked());
    assert_eq!(values(&mutex.lock().unwrap()), [0; 2]);
}

/// What locks hold inside of one another: no guard of the outer one could move the inner one away.
#[test]
fn other_locks_may_lie_inside() {
    let _watchdog = Watchdog::with_limit(60);
    let outer = share(ReentrantMutex::new([Mutex::new(0_u64), Mutex::new(0)]));
    let dies = fork(|| {
        let guards = (outer.lock().unwrap(), outer.lock().unwrap());
        let mut inner = guards.1[1].lock().unwrap();
        *inner = 1;
        mem::forget(inner);
        mem::forget(guards);
    });
    assert_eq!(reap(dies), 0);
    let Err(LockError::OwnerDied(guard)) = outer.lock() else { panic!("the owner ended with it") };
    assert!(matches!(guard[1].lock(), Err(LockError::OwnerDied(_))), "it is robust as well");
    assert!(guard[0].lock().is_ok());
}

#[test]
fn a_forgotten_guard_counts_and_keeps_its_memory() {
    let _watchdog = Watchdog::with_limit(60);
    let [first, second] = [pair(), pair()];
    mem::forget(first.lock().unwrap());
    let again = first.lock().unwrap();
    assert_eq!(Guard::depth(&again), 2);
    drop(again);
    assert!(first.is_held_by_this_thread() && registry::holds_within(&range(first)));
    // The list goes through the forgotten lock, and on.
    (0..3).for_each(|n| second.lock().unwrap()[0].set(n));
    assert!(!registry::holds_within(&range(second)));
}

/// However many guards it has, one lock is one of those that a thread can hold.
#[test]
fn levels_are_not_locks() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = pair();
    let guards: Vec<_> = (0..3 * MAX_HELD).map(|_| mutex.lock().unwrap()).collect();
    assert_eq!(Guard::depth(&guards[0]) as usize, 3 * MAX_HELD);
    assert!(pair().lock().is_ok());
    drop(guards);
    assert!(!mutex.is_locked());
}

#[test]
fn locks_of_both_kinds_are_released_in_any_order() {
    let _watchdog = Watchdog::with_limit(60);
    let (plain, reentrant) = (share(Mutex::new(0_u64)), pair());
    let outer = reentrant.lock().unwrap();
    let other = plain.lock().unwrap();
    let inner = reentrant.lock().unwrap();
    drop(outer);
    assert!(reentrant.is_held_by_this_thread());
    drop(other);
    assert!(!plain.is_locked() && registry::holds_within(&range(reentrant)));
    drop(inner);
    assert!(!reentrant.is_locked() && !registry::holds_within(&range(reentrant)));
}

/// The guard may be anywhere: its lock goes to nobody before the process's end.
#[test]
fn the_lock_of_a_thread_that_left_is_had_once_its_process_has_ended() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, left) = (pair(), flag());
    let owner = fork(|| {
        // The outer guard is dropped, the inner one is not.
        let leaks = thread::spawn(|| {
            let outer = mutex.lock().unwrap();
            mem::forget(mutex.lock().unwrap());
            drop(outer);
        });
        leaks.join().unwrap();
        // Nor is another thread of the process taken for it.
        assert!(!mutex.is_held_by_this_thread());
        assert!(matches!(mutex.try_lock(), Err(LockError::OwnerLeft)));
        left.store(1, SeqCst);
        idle();
    });
    eventually("the thread has left", || left.load(SeqCst) == 1);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerLeft)));
    kill(owner);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
}

/// A bitwise copy of a guard, as a fork has one; the parent's is another process's.
fn copy(guard: &Guard) -> Guard {
    // SAFETY: called in forks only, whose guards own nothing.
    unsafe { std::ptr::read(guard) }
}

#[test]
fn guards_in_a_fork_own_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = pair();
    let (outer, mut inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
    let child = fork(|| {
        assert!(mutex.is_locked() && !mutex.is_held_by_this_thread());
        assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)));
        assert_eq!(Guard::depth(&copy(&inner)), 0);
        drop((copy(&inner), copy(&outer)));
        Guard::abandon(copy(&inner));
        let panics = catch_unwind(AssertUnwindSafe(|| {
            let _copy = copy(&inner);
            std::panic::resume_unwind(Box::new("in the fork"));
        }));
        assert!(panics.is_err() && !mutex.is_poisoned() && mutex.is_locked());
    });
    assert_eq!(reap(child), 0);
    assert_eq!(Guard::depth(&inner), 2);
    Guard::mark_consistent(&mut inner);
    drop((inner, outer));
    assert!(mutex.lock().is_ok());
}

/// The fork takes the lock anew, and then drops the guards that it took along from its parent.
#[test]
fn old_guards_in_a_fork_do_not_release_new_ones() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, released) = (pair(), flag());
    let guards = [mutex.lock().unwrap(), mutex.lock().unwrap()];
    let child = fork(|| {
        let old = [copy(&guards[0]), copy(&guards[1])];
        eventually("the parent has released it", || released.load(SeqCst) == 1);
        let new = mutex.lock().unwrap();
        drop(old);
        assert_eq!(Guard::depth(&new), 1);
        drop(new);
        assert!(!mutex.is_locked());
    });
    drop(guards);
    released.store(1, SeqCst);
    assert_eq!(reap(child), 0);
    assert!(mutex.lock().is_ok());
}

/// Between threads the lock is copied with the memory: the child's thread has the copy as its parent has the original.
#[test]
fn a_fork_has_a_private_lock_of_its_own() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = ReentrantMutex::new(Cell::new(1));
    let guard = mutex.lock().unwrap();
    let child = fork(|| {
        let inner = mutex.lock().unwrap();
        assert_eq!(ReentrantMutexGuard::depth(&inner), 2);
        inner.set(2);
    });
    assert_eq!(reap(child), 0);
    assert_eq!((guard.get(), ReentrantMutexGuard::depth(&guard)), (1, 1));
}

/// Gives the thread a destructor that drops its guard.
fn drop_at_the_end(key: libc::pthread_key_t, mutex: &'static Pair) {
    let guard = Box::into_raw(Box::new(mutex.lock().unwrap()));
    // SAFETY: a key of which the destructor takes a boxed guard.
    assert_eq!(unsafe { libc::pthread_setspecific(key, guard.cast()) }, 0);
}

unsafe extern "C" fn drop_guard(guard: *mut libc::c_void) {
    // SAFETY: by `drop_at_the_end`, once.
    drop(unsafe { Box::from_raw(guard.cast::<Guard>()) });
}

/// In whatever order libc calls them: the thread has its name still, or has it no more.
#[test]
fn a_guard_that_a_thread_drops_at_its_very_end_releases_it() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = pair();
    let key = || {
        let mut key = 0;
        // SAFETY: a place for the key.
        assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(drop_guard)) }, 0);
        key
    };
    let first = key();
    drop(mutex.lock().unwrap()); // from now on the crate's own key is there
    for key in [first, key()] {
        thread::spawn(move || {
            let _outer = mutex.lock().unwrap();
            drop_at_the_end(key, mutex);
        })
        .join()
        .unwrap();
        assert!(mutex.lock().is_ok(), "its last guard was dropped");
    }
}

/// A lost guard of the parent's does nothing in a fork, whoever has its thread's record there by then.
#[test]
fn a_lost_guard_in_a_fork_is_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, come) = (share(ReentrantMutex::new(AtomicU64::new(0))), share(Condvar::new()));
    let (outer, mut inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
    let leaks = fork(|| {
        thread::spawn(|| {
            mem::forget(mutex.lock().unwrap());
            come.notify_one();
        })
        .join()
        .unwrap();
        idle();
    });
    let lost = loop {
        match come.wait(inner) {
            Ok(again) => inner = again,
            Err(error) => break matches!(error, LockError::OwnerLeft),
        }
    };
    assert!(lost);
    kill(leaks);
    let child = fork(|| {
        let (held, dropped) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut guard = mutex.lock().unwrap_err().into_guard().unwrap();
                ReentrantMutexGuard::mark_consistent(&mut guard);
                held.wait();
                dropped.wait();
                assert_eq!(ReentrantMutexGuard::depth(&guard), 1);
            });
            held.wait();
            // SAFETY: as `copy`.
            drop(unsafe { std::ptr::read(&raw const outer) });
            assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)), "the thread has it still");
            dropped.wait();
        });
    });
    assert_eq!(reap(child), 0);
    assert!(mutex.lock().is_ok());
}

/// A process that ends while another of its threads waits for the lock, and one that exits with guards.
#[test]
fn a_process_that_exits_with_guards_has_died() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = pair();
    let exits = fork(|| {
        let _guards = (mutex.lock().unwrap(), mutex.lock().unwrap());
        thread::spawn(|| drop(mutex.lock()));
        std::process::exit(0);
    });
    assert_eq!(reap(exits), 0);
    assert!(matches!(mutex.lock(), Err(LockError::OwnerDied(_))));
}

#[test]
fn what_is_known_of_the_data_goes_with_them_into_shared_memory() {
    let poisoned = ReentrantMutex::new(0_u64);
    let panics = catch_unwind(|| {
        let _guard = poisoned.lock().unwrap();
        panic!("with the guard");
    });
    assert!(panics.is_err());
    assert!(matches!(share(poisoned).lock(), Err(LockError::Poisoned(_))));
    let abandoned = ReentrantMutex::new(0_u64);
    ReentrantMutexGuard::abandon(abandoned.lock().unwrap());
    assert!(matches!(share(abandoned).lock(), Err(LockError::Abandoned)));
    let forgotten = ReentrantMutex::new(0_u64);
    mem::forget(forgotten.lock().unwrap());
    let placed = share(forgotten);
    assert!(!placed.is_held_by_this_thread());
    assert_eq!(ReentrantMutexGuard::depth(&placed.lock().unwrap()), 1);
}

/// Whatever bytes a dead process may have left in a lock that is free: the next owner begins with one guard.
#[test]
fn torn_bytes_beside_the_word_are_no_depth() {
    let _watchdog = Watchdog::with_limit(60);
    const DEPTH_AT: usize = 12;
    for byte in [0xff, 0x80, 0x01] {
        let mutex = pair();
        // SAFETY: nobody else uses it; every bit pattern is allowed there.
        unsafe { std::ptr::from_ref(mutex).cast::<u8>().cast_mut().add(DEPTH_AT).write_bytes(byte, 4) };
        let guard = mutex.lock().unwrap();
        assert_eq!(Guard::depth(&guard), 1);
        drop(guard);
        assert!(!mutex.is_locked());
    }
}

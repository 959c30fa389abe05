//! A mutex that its owner may lock again, between the threads of a process.
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

use std::cell::{Cell, RefCell};
use std::mem;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use multiproc_sync::{Acquirable, LockError, ReentrantMutex, ReentrantMutexGuard};
use multiproc_testkit::Watchdog;

static GLOBAL: ReentrantMutex<RefCell<Vec<u32>>> = ReentrantMutex::new(RefCell::new(Vec::new()));

/// By `depth` levels down, each of which adds one under the lock.
fn descend(count: &ReentrantMutex<Cell<u64>>, depth: u32) {
    let guard = count.lock().unwrap();
    guard.set(guard.get() + 1);
    if depth > 1 {
        descend(count, depth - 1);
    }
}

#[test]
fn threads_exclude_each_other_at_any_depth() {
    const DEPTH: u32 = 5;
    let _watchdog = Watchdog::with_limit(60);
    let count = ReentrantMutex::new(Cell::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    let guard = count.lock().unwrap();
                    let before = guard.get();
                    descend(&count, DEPTH);
                    assert_eq!(guard.get(), before + u64::from(DEPTH));
                }
            });
        }
    });
    assert_eq!(count.into_inner().unwrap().get(), u64::from(4 * 10_000 * DEPTH));
}

#[test]
fn the_last_guard_releases_it_whichever_that_is() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = ReentrantMutex::new(());
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut guards = [(); 3].map(|()| Some(mutex.lock().unwrap()));
        for (dropped, index) in order.into_iter().enumerate() {
            assert_eq!(ReentrantMutexGuard::depth(guards[index].as_ref().unwrap()), 3 - dropped as u32);
            thread::scope(|scope| {
                scope.spawn(|| assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut))));
            });
            guards[index] = None;
        }
        assert!(!mutex.is_locked() && !mutex.is_held_by_this_thread());
        thread::scope(|scope| _ = scope.spawn(|| drop(mutex.try_lock().unwrap())));
    }
}

#[test]
fn its_owner_gets_it_by_every_form() {
    let mutex = ReentrantMutex::new(3);
    let outer = mutex.lock().unwrap();
    assert_eq!(*mutex.try_lock().unwrap(), 3);
    assert_eq!(*mutex.lock_timeout(Duration::ZERO).unwrap(), 3);
    assert_eq!(*mutex.lock_timeout(Duration::MAX).unwrap(), 3);
    assert_eq!(*mutex.lock_deadline(Instant::now()).unwrap(), 3);
    assert_eq!(*mutex.lock_or_reset(|_| unreachable!()).unwrap(), 3);
    assert!(matches!(mutex.with(|| mutex.is_held_by_this_thread()), Ok(true)));
    assert!(matches!(mutex.try_with(|| ()), Ok(())));
    assert!(matches!(mutex.with_timeout(Duration::ZERO, || ()), Ok(())));
    assert_eq!(ReentrantMutexGuard::depth(&outer), 1);
}

#[test]
fn another_is_refused_at_once_or_in_time() {
    let mutex = ReentrantMutex::new(());
    let _guards = (mutex.lock().unwrap(), mutex.lock().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(mutex.is_locked() && !mutex.is_held_by_this_thread());
            assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)));
            let begun = Instant::now();
            let timeout = Duration::from_millis(30);
            assert!(matches!(mutex.lock_timeout(timeout), Err(LockError::TimedOut)));
            assert!(begun.elapsed() >= timeout);
            assert!(matches!(mutex.lock_deadline(begun), Err(LockError::TimedOut)));
        });
    });
}

#[test]
fn a_waiter_gets_it_when_the_last_guard_is_dropped() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, last) = (ReentrantMutex::new(()), AtomicU32::new(0));
    let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let _guard = mutex.lock_timeout(Duration::from_secs(50)).unwrap();
            assert_eq!(last.load(SeqCst), 1, "the inner guard released it");
        });
        drop(inner);
        thread::sleep(Duration::from_millis(20)); // time to fail in
        last.store(1, SeqCst);
        drop(outer);
        waiter.join().unwrap();
    });
}

/// At whatever level it was: whoever locks is told, the thread itself too, until the data are mended.
#[test]
fn a_panic_with_any_guard_poisons() {
    let mutex = ReentrantMutex::new(Cell::new(0));
    let outer = mutex.lock().unwrap();
    let caught = catch_unwind(AssertUnwindSafe(|| {
        mutex.lock().unwrap().set(1);
        let _inner = mutex.lock().unwrap();
        panic!("with the inner guard");
    }));
    assert!(caught.is_err() && mutex.is_poisoned());
    assert_eq!(ReentrantMutexGuard::depth(&outer), 1, "the inner guard was dropped");
    assert!(matches!(mutex.lock(), Err(LockError::Poisoned(_))));
    assert!(matches!(mutex.try_lock(), Err(LockError::Poisoned(_))));
    assert_eq!(ReentrantMutexGuard::depth(&outer), 1, "so were those of the errors");
    thread::scope(|scope| {
        scope.spawn(|| assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut))));
    });
    let mut inner = mutex.lock().unwrap_err().into_guard().unwrap();
    assert_eq!(inner.get(), 1);
    ReentrantMutexGuard::mark_consistent(&mut inner);
    drop((inner, outer));
    assert!(mutex.lock().is_ok() && !mutex.is_poisoned());
}

#[test]
fn a_guard_taken_while_panicking_poisons_nothing() {
    struct LocksWhenDropped<'a>(&'a ReentrantMutex<()>);
    impl Drop for LocksWhenDropped<'_> {
        fn drop(&mut self) {
            drop((self.0.lock(), self.0.lock()));
        }
    }
    let mutex = ReentrantMutex::new(());
    let caught = catch_unwind(|| {
        let _locks = LocksWhenDropped(&mutex);
        panic!("without a guard");
    });
    assert!(caught.is_err() && !mutex.is_poisoned());
}

#[test]
fn a_reset_makes_the_data_anew_or_leaves_the_poison() {
    let mutex = ReentrantMutex::new(Cell::new(7));
    let poison = |mutex: &ReentrantMutex<Cell<u32>>| {
        let _guard = mutex.lock().unwrap();
        panic!("first");
    };
    thread::scope(|scope| {
        scope.spawn(|| poison(&mutex)).join().unwrap_err();
        scope.spawn(|| drop(mutex.lock_or_reset(|_| panic!("second")))).join().unwrap_err();
    });
    assert!(mutex.is_poisoned());
    drop(mutex.lock_or_reset(|data| data.set(0)).unwrap());
    assert_eq!(mutex.lock().unwrap().get(), 0);
    thread::scope(|scope| _ = scope.spawn(|| poison(&mutex)).join().unwrap_err());
    assert!(matches!(mutex.into_inner(), Err(LockError::Poisoned(_))));
}

#[test]
fn an_abandoned_lock_refuses_all_but_the_guards_that_are_out() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = ReentrantMutex::new(5);
    let (outer, inner) = (mutex.lock().unwrap(), mutex.lock().unwrap());
    thread::scope(|scope| {
        let waiters = [(); 3].map(|()| scope.spawn(|| matches!(mutex.lock(), Err(LockError::Abandoned))));
        ReentrantMutexGuard::abandon(inner);
        assert!(matches!(mutex.lock(), Err(LockError::Abandoned)));
        assert!(matches!(mutex.lock_or_reset(|_| unreachable!()), Err(LockError::Abandoned)));
        assert_eq!((*outer, ReentrantMutexGuard::depth(&outer)), (5, 1));
        drop(outer);
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
    });
    assert!(!mutex.is_locked());
}

/// A forgotten guard leaves a lock that stays its thread's, and nothing else: the mutex can be moved and dropped.
#[test]
fn a_forgotten_guard_counts_for_good() {
    let mutex = Box::new(ReentrantMutex::new(String::from("data")));
    mem::forget(mutex.lock().unwrap());
    let guard = mutex.lock().unwrap();
    assert_eq!(ReentrantMutexGuard::depth(&guard), 2);
    drop(guard);
    assert!(mutex.is_held_by_this_thread());
    thread::scope(|scope| {
        scope.spawn(|| assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut))));
    });
    let moved = *mutex;
    assert!(moved.is_locked());
    assert_eq!(moved.into_inner().unwrap(), "data");
}

/// Though its stack and its thread-locals lie where those of the one before it did.
#[test]
fn no_later_thread_is_taken_for_one_that_ended_with_a_guard() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = ReentrantMutex::new(());
    thread::scope(|scope| {
        scope.spawn(|| mem::forget(mutex.lock().unwrap())).join().unwrap();
        for _ in 0..50 {
            let later = scope.spawn(|| {
                assert!(!mutex.is_held_by_this_thread());
                matches!(mutex.try_lock(), Err(LockError::TimedOut))
            });
            assert!(later.join().unwrap());
        }
    });
}

/// In the destructor of a thread-local, which runs when most of the thread is gone.
#[test]
fn a_guard_in_a_thread_local_is_released_with_it() {
    thread_local! {
        static KEPT: RefCell<Option<ReentrantMutexGuard<'static, RefCell<Vec<u32>>>>> = const { RefCell::new(None) };
    }
    let _watchdog = Watchdog::with_limit(60);
    let keeps = thread::spawn(|| {
        let _outer = GLOBAL.lock().unwrap();
        KEPT.set(Some(GLOBAL.lock().unwrap()));
    });
    keeps.join().unwrap();
    drop(GLOBAL.lock_timeout(Duration::from_secs(50)).unwrap());
}

#[test]
fn many_threads_with_locks_of_their_own_do_not_meet() {
    let _watchdog = Watchdog::with_limit(60);
    let locks: Vec<_> = (0..32).map(|_| ReentrantMutex::new(Cell::new(0))).collect();
    thread::scope(|scope| {
        for lock in &locks {
            scope.spawn(|| {
                let _outer = lock.lock().unwrap();
                for other in &locks {
                    assert_eq!(other.is_held_by_this_thread(), std::ptr::eq(lock, other));
                }
                descend(lock, 9);
            });
        }
    });
    assert!(locks.iter().all(|lock| lock.lock().unwrap().get() == 9));
}

#[test]
fn it_is_what_the_standard_library_has() {
    const fn unwind_safe<T: UnwindSafe + RefUnwindSafe + ?Sized>() {}
    const fn sync<T: Sync>() {}
    const {
        unwind_safe::<ReentrantMutex<dyn Fn() + Send>>();
        unwind_safe::<ReentrantMutexGuard<'static, u64>>();
        sync::<ReentrantMutex<Cell<u64>>>();
        sync::<ReentrantMutexGuard<'static, u64>>();
    }
    let unsized_data: Arc<ReentrantMutex<dyn Fn() -> u32 + Send>> = Arc::new(ReentrantMutex::new(|| 7));
    assert_eq!((unsized_data.lock().unwrap())(), 7);
    let mut mutex = ReentrantMutex::from(4);
    *mutex.get_mut() += 1;
    let guard = mutex.lock().unwrap();
    assert_eq!(format!("{mutex:?}"), "ReentrantMutex { data: 5, poisoned: false, .. }");
    assert_eq!(format!("{guard} {guard:?}"), "5 5");
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(format!("{mutex:?}"), "ReentrantMutex { data: <TimedOut>, poisoned: false, .. }");
        });
    });
    drop(guard);
    assert_eq!(mutex.into_inner().unwrap(), 5);
    assert_eq!(*ReentrantMutex::<u8>::default().lock().unwrap(), 0);
    assert!(LockError::<()>::TooDeep.to_string().contains("4294967295"));
    assert!(LockError::<()>::NotHeld.to_string().contains("wait"));
}

//! A mutex of one process's threads, as the standard library's is used.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use multiproc_sync::{LockError, Mutex, MutexGuard};
use multiproc_testkit::Watchdog;

static GLOBAL: Mutex<Vec<u32>> = Mutex::new(Vec::new());

#[test]
fn threads_exclude_each_other() {
    let _watchdog = Watchdog::with_limit(60);
    let pair = Mutex::new((0, 0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50_000 {
                    let mut pair = pair.lock().unwrap();
                    pair.0 += 1;
                    assert_eq!(pair.0, pair.1 + 1);
                    pair.1 += 1;
                }
            });
        }
    });
    assert_eq!(pair.into_inner().unwrap(), (200_000, 200_000));
}

#[test]
fn a_held_lock_is_refused_at_once_or_in_time() {
    let mutex = Mutex::new(());
    let _guard = mutex.lock().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            assert!(mutex.is_locked());
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
fn a_timeout_beyond_the_clock_waits_like_lock() {
    let mutex = Mutex::new(3);
    assert_eq!(*mutex.lock_timeout(Duration::MAX).unwrap(), 3);
}

#[test]
fn a_waiter_gets_the_lock_when_it_is_released() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = Mutex::new(0);
    let guard = mutex.lock().unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| *mutex.lock_timeout(Duration::from_secs(50)).unwrap() += 1);
        thread::yield_now();
        drop(guard);
        waiter.join().unwrap();
    });
    assert_eq!(*mutex.lock().unwrap(), 1);
}

#[test]
fn a_panic_poisons_until_the_data_are_mended() {
    let mutex = Mutex::new(1);
    thread::scope(|scope| {
        let dies = scope.spawn(|| {
            *mutex.lock().unwrap() = 2;
            let _guard = mutex.lock().unwrap();
            panic!("with the guard");
        });
        dies.join().unwrap_err();
    });
    assert!(mutex.is_poisoned());
    assert!(matches!(mutex.try_lock(), Err(LockError::Poisoned(_))));
    let mut guard = mutex.lock().unwrap_err().into_guard().unwrap();
    assert_eq!(*guard, 2);
    MutexGuard::mark_consistent(&mut guard);
    drop(guard);
    assert!(!mutex.is_poisoned());
    assert!(mutex.lock().is_ok());
}

#[test]
fn a_guard_taken_while_panicking_poisons_nothing() {
    struct LocksWhenDropped<'a>(&'a Mutex<()>);
    impl Drop for LocksWhenDropped<'_> {
        fn drop(&mut self) {
            drop(self.0.lock());
        }
    }
    let mutex = Mutex::new(());
    thread::scope(|scope| {
        let dies = scope.spawn(|| {
            let _locks = LocksWhenDropped(&mutex);
            panic!("without the guard");
        });
        dies.join().unwrap_err();
    });
    assert!(!mutex.is_poisoned());
}

#[test]
fn a_reset_that_panics_leaves_the_poison() {
    let mutex = Mutex::new(());
    let poison = || {
        let _guard = mutex.lock().unwrap();
        panic!("first");
    };
    thread::scope(|scope| {
        scope.spawn(poison).join().unwrap_err();
        let reset = || drop(mutex.lock_or_reset(|()| panic!("second")));
        scope.spawn(reset).join().unwrap_err();
    });
    assert!(mutex.is_poisoned());
    drop(mutex.lock_or_reset(|()| ()).unwrap());
    assert!(!mutex.is_poisoned());
}

#[test]
fn an_abandoned_lock_refuses_those_who_wait_and_those_who_come() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = Mutex::new(());
    let guard = mutex.lock().unwrap();
    thread::scope(|scope| {
        let waiters = [(); 3].map(|()| scope.spawn(|| matches!(mutex.lock(), Err(LockError::Abandoned))));
        thread::yield_now();
        MutexGuard::abandon(guard);
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap()));
    });
    assert!(matches!(mutex.try_lock(), Err(LockError::Abandoned)));
}

/// In private memory a forgotten guard leaves nothing behind but a lock that stays held: the mutex can be moved and dropped.
#[test]
fn a_forgotten_guard_leaves_a_held_lock_and_nothing_else() {
    let mutex = Box::new(Mutex::new(String::from("data")));
    std::mem::forget(mutex.lock().unwrap());
    assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)));
    let moved = *mutex;
    assert!(moved.is_locked());
    assert_eq!(moved.into_inner().unwrap(), "data");
}

#[test]
fn it_is_what_the_standard_library_has() {
    let unsized_data: Arc<Mutex<dyn Fn() -> u32 + Send>> = Arc::new(Mutex::new(|| 7));
    assert_eq!((unsized_data.lock().unwrap())(), 7);
    GLOBAL.lock().unwrap().push(1);
    assert_eq!(*GLOBAL.lock().unwrap(), [1]);
    let mut mutex = Mutex::from(4);
    *mutex.get_mut() += 1;
    assert_eq!(format!("{mutex:?}"), "Mutex { data: 5, poisoned: false, .. }");
    let guard = mutex.lock().unwrap();
    assert_eq!(format!("{mutex:?}"), "Mutex { data: <TimedOut>, poisoned: false, .. }");
    assert_eq!(format!("{guard} {guard:?}"), "5 5");
    drop(guard);
    assert_eq!(mutex.into_inner().unwrap(), 5);
    assert_eq!(*Mutex::<u8>::default().lock().unwrap(), 0);
}

#[test]
fn errors_say_what_to_do() {
    let errors: [(LockError<()>, &str); 4] = [
        (LockError::Poisoned(()), "lock_or_reset"),
        (LockError::OwnerDied(()), "mark_consistent"),
        (LockError::OwnerLeft, "drop guards before their thread ends"),
        (LockError::TooManyHeld, "1024"),
    ];
    for (error, words) in errors {
        assert!(error.to_string().contains(words), "{error}");
    }
    let lock = multiproc_sync::RwLock::new(());
    let _reading = lock.read().unwrap();
    let error = lock.write().unwrap_err().to_string();
    assert!(error.contains("drop a guard first") && error.contains("errors_say_what_to_do"), "{error}");
}

//! What locks and semaphores have in common.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use multiproc_sync::{
    Acquirable, BoundedSemaphore, Lock, LockError, Mutex, RobustSemaphore, Semaphore, WaitError,
};

/// Through all of the trait: acquired inside, refused meanwhile, released after. With one permit or hold.
fn goes_round<A: Acquirable + ?Sized>(one: &A) {
    let refused = |refused: bool| assert!(refused, "it is acquired already");
    let inside = || {
        refused(one.try_with(|| ()).is_err());
        refused(one.try_guard().is_err());
        refused(one.with_timeout(Duration::from_millis(1), || ()).is_err());
        refused(one.guard_timeout(Duration::from_millis(1)).is_err());
        refused(one.with_deadline(Instant::now(), || ()).is_err());
        refused(one.guard_deadline(Instant::now()).is_err());
        7
    };
    assert!(matches!(one.with(inside), Ok(7)));
    assert!(matches!(one.try_with(|| 8), Ok(8)));
    assert!(matches!(one.with_timeout(Duration::MAX, || 9), Ok(9)));
    let far = Instant::now() + Duration::from_secs(60);
    assert!(matches!(one.with_deadline(far, || 10), Ok(10)));
    let guard = one.guard();
    assert!(guard.is_ok() && one.try_guard().is_err());
    drop(guard);
    assert!(one.try_guard().is_ok());
}

#[test]
fn all_of_them_are_acquired_and_released_alike() {
    goes_round(&Lock::new());
    goes_round(&Semaphore::new(1));
    goes_round(&BoundedSemaphore::new(1));
    goes_round(&RobustSemaphore::<1>::new());
}

/// A mutex tells who has it already, in shared memory; in private memory it would wait.
#[test]
fn a_mutex_too() {
    goes_round(&Mutex::new([1, 2]));
    let unsized_data: &Mutex<[u32]> = &Mutex::new([1, 2]);
    goes_round(unsized_data);
}

#[test]
fn a_closure_that_panics_leaves_it_released() {
    let (lock, mutex) = (Lock::new(), Mutex::new(()));
    catch_unwind(AssertUnwindSafe(|| lock.with(|| panic!("inside")))).unwrap_err();
    assert!(!lock.is_locked());
    catch_unwind(AssertUnwindSafe(|| drop(mutex.with(|| panic!("inside"))))).unwrap_err();
    let mut has_run = false;
    let poisoned = mutex.with(|| has_run = true);
    assert!(matches!(poisoned, Err(LockError::Poisoned(_))));
    drop(poisoned);
    assert!(!has_run && !mutex.is_locked());
}

#[test]
fn what_is_refused_does_not_run() {
    let lock = Lock::new();
    lock.acquire().unwrap();
    let mut has_run = false;
    assert_eq!(lock.with_timeout(Duration::from_millis(1), || has_run = true), Err(WaitError::TimedOut));
    assert!(!has_run && lock.is_locked());
}

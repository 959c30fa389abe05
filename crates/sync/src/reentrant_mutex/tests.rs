//! What a depth at its limit does, which would take four thousand million guards from outside.

use super::*;
use crate::Condvar;

const _: () = assert!(size_of::<ReentrantMutex<u64>>() == size_of::<crate::Mutex<u64>>());

#[test]
fn one_guard_too_many_is_told_and_changes_nothing() {
    let mutex = ReentrantMutex::new(7);
    let outer = mutex.lock().unwrap();
    mutex.word.set_depth(MAX_DEPTH - 1);
    let inner = mutex.lock().unwrap();
    assert!(matches!(mutex.lock(), Err(LockError::TooDeep)));
    assert!(matches!(mutex.try_lock(), Err(LockError::TooDeep)));
    assert!(matches!(mutex.lock_or_reset(|_| unreachable!()), Err(LockError::TooDeep)));
    assert_eq!(format!("{mutex:?}"), "ReentrantMutex { data: <TooDeep>, poisoned: false, .. }");
    assert_eq!(ReentrantMutexGuard::depth(&inner), MAX_DEPTH);
    drop(inner);
    drop(mutex.lock().unwrap());
    assert_eq!(ReentrantMutexGuard::depth(&outer), MAX_DEPTH - 1);
    mutex.word.set_depth(1);
    drop(outer);
    assert!(!mutex.is_locked());
}

#[test]
fn the_greatest_depth_is_let_go_and_restored() {
    let (mutex, never) = (ReentrantMutex::new(0), Condvar::new());
    let guard = mutex.lock().unwrap();
    mutex.word.set_depth(MAX_DEPTH);
    let (guard, result) = never.wait_timeout(guard, std::time::Duration::ZERO).unwrap();
    assert!(result.timed_out());
    assert_eq!(ReentrantMutexGuard::depth(&guard), MAX_DEPTH);
}

/// Whatever a dead process may have left there: the next owner begins with one.
#[test]
fn the_depth_of_a_free_lock_means_nothing() {
    let mutex = ReentrantMutex::new(0);
    for depth in [0, 7, MAX_DEPTH] {
        mutex.word.set_depth(depth);
        let guard = mutex.lock().unwrap();
        assert_eq!(ReentrantMutexGuard::depth(&guard), 1);
        drop(guard);
        assert!(!mutex.is_locked());
    }
}

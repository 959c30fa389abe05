//! What is used on both sides of a caught panic, as the standard library's locks may be: which is shown by that it compiles.

use std::panic::{RefUnwindSafe, UnwindSafe, catch_unwind};

use multiproc_sync::{
    Barrier, BoundedSemaphore, Condvar, Doorbell, Event, Generation, Held, Latch, Lock, Member, Mutex,
    MutexGuard, Pace, Permit, RobustPermit, RobustSemaphore, RwLock, RwLockReadGuard, RwLockWriteGuard,
    Semaphore, WaitGroup,
};

const fn unwind_safe<T: UnwindSafe + RefUnwindSafe + ?Sized>() {}

const _: () = {
    unwind_safe::<Mutex<Box<dyn Fn() + Send>>>();
    unwind_safe::<Mutex<dyn Fn() + Send>>();
    unwind_safe::<Mutex<std::cell::Cell<u64>>>();
    unwind_safe::<Lock>();
    unwind_safe::<Semaphore>();
    unwind_safe::<BoundedSemaphore>();
    unwind_safe::<RobustSemaphore<8>>();
    unwind_safe::<RwLock<dyn Fn() + Send + Sync>>();
    unwind_safe::<RwLock<std::cell::Cell<u64>, 2>>();
    unwind_safe::<RwLockReadGuard<'static, u64>>();
    unwind_safe::<RwLockWriteGuard<'static, u64>>();
    unwind_safe::<Condvar>();
    unwind_safe::<Event>();
    unwind_safe::<Latch>();
    unwind_safe::<Barrier>();
    unwind_safe::<WaitGroup>();
    unwind_safe::<Doorbell>();
    unwind_safe::<Pace>();
    unwind_safe::<Generation>();
    unwind_safe::<MutexGuard<'static, u64>>();
    unwind_safe::<Held<'static>>();
    unwind_safe::<Permit<'static>>();
    unwind_safe::<RobustPermit<'static>>();
    unwind_safe::<Member<'static>>();
};

#[test]
fn a_panic_with_a_lock_is_caught_without_a_wrapper() {
    let (total, barrier) = (Mutex::new(0), Barrier::new(1).unwrap());
    let caught = catch_unwind(|| {
        *total.lock().unwrap() += 1;
        barrier.wait_with(|| panic!("in the action"))
    });
    assert!(caught.is_err() && barrier.is_broken().unwrap());
    assert_eq!(*total.lock().unwrap(), 1);
}

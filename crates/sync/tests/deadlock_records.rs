//! Threads of a process without a family, one after the other, and more than there are records for.

mod circles;
mod common;

use std::sync::Barrier;
use std::thread;

use multiproc_sync::registry::{self, MAX_THREADS};
use multiproc_sync::{LockError, Mutex};
use multiproc_testkit::Watchdog;

/// Each leaves its record to the next; else the last ones would not be watched, and wait for each other.
#[test]
fn a_thread_that_ends_leaves_its_record() {
    let _watchdog = Watchdog::with_limit(120);
    let [first, second] = [Mutex::new(0), Mutex::new(0)];
    for _ in 0..MAX_THREADS + 100 {
        thread::scope(|scope| _ = scope.spawn(|| *first.lock().unwrap() += 1));
    }
    assert!(registry::installed().is_none(), "they had the process's own records");
    let both_have_one = Barrier::new(2);
    let take = |ours: &Mutex<usize>, theirs: &Mutex<usize>| {
        let _ours = ours.lock().unwrap();
        both_have_one.wait();
        matches!(theirs.lock(), Err(LockError::Deadlock(_)))
    };
    let told = thread::scope(|scope| {
        let other = scope.spawn(|| take(&second, &first));
        [take(&first, &second), other.join().unwrap()]
    });
    assert_ne!(told[0], told[1], "one of the two is told");
}

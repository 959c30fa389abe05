//! What a dead owner's name means when its entry went to another process, which lives: a dead one's. Alone in its program: names are given in
//! the order of the entries.
#![allow(clippy::disallowed_types)] // a number that a lock guards

mod common;

use std::mem;
use std::sync::atomic::AtomicU64;

use common::{fork, idle, kill, reap, share};
use multiproc_sync::registry::MAX_PROCESSES;
use multiproc_sync::{LockError, Mutex, ReentrantMutex, RwLock};
use multiproc_testkit::{Watchdog, eventually};

#[test]
fn a_name_that_went_to_another_keeps_no_lock() {
    let _watchdog = Watchdog::with_limit(120);
    let (mutex, reentrant) = (share(Mutex::new(0_u64)), share(ReentrantMutex::new(AtomicU64::new(0))));
    let [read, written] = [(); 2].map(|()| share(RwLock::<u64, 1>::with_readers(0)));
    let named = share(Mutex::new(0_u64));
    drop(named.lock().unwrap());
    let ends = fork(|| {
        mem::forget(mutex.lock().unwrap());
        mem::forget([(); 2].map(|()| reentrant.lock().unwrap()));
        mem::forget([(); 2].map(|()| read.read().unwrap()));
        mem::forget(written.write().unwrap());
    });
    assert_eq!(reap(ends), 0);
    // Entries that nobody had are given first, then the first of a dead one: the others', each of which the next one takes.
    for _ in 0..MAX_PROCESSES {
        assert_eq!(reap(fork(|| drop(named.lock().unwrap()))), 0);
    }
    let lives = fork(|| {
        *named.lock().unwrap() = 1;
        idle();
    });
    eventually("it has a name", || *named.lock().unwrap() == 1);
    assert!(matches!(mutex.try_lock(), Err(LockError::OwnerDied(_))));
    assert!(matches!(reentrant.try_lock(), Err(LockError::OwnerDied(_))));
    assert!(matches!(written.try_read(), Err(LockError::OwnerDied(_))));
    assert_eq!(read.readers(), 1, "nobody has looked");
    assert!(read.try_read().is_ok() && read.try_write().is_ok());
    kill(lives);
}

//! What a fork does with its copies of guards is nothing that it has.

mod circles;
mod common;

use std::sync::atomic::Ordering::SeqCst;

use circles::let_look;
use common::{flag, fork, reap, share};
use multiproc_sync::{Mutex, RwLock, RwLockWriteGuard};
use multiproc_testkit::{Watchdog, eventually};

/// The copy of a writer's guard, downgraded in a fork, reads nothing: who waits to write does not wait for the fork.
#[test]
fn a_copy_that_is_downgraded_is_nobodys_reading() {
    let _watchdog = Watchdog::with_limit(60);
    let (lock, mutex) = (share(RwLock::new(0)), share(Mutex::new(0)));
    let (downgraded, has_mutex) = (flag(), flag());
    let mut writing = Some(lock.write().unwrap());
    let copies = fork(|| {
        let _copy = writing.take().map(RwLockWriteGuard::downgrade);
        downgraded.store(1, SeqCst);
        eventually("the writer has the mutex", || has_mutex.load(SeqCst) == 1);
        assert!(mutex.lock().is_ok());
    });
    eventually("the copy is downgraded", || downgraded.load(SeqCst) == 1);
    let reading = writing.take().map(RwLockWriteGuard::downgrade);
    let writes = fork(|| {
        let _mutex = mutex.lock().unwrap();
        has_mutex.store(1, SeqCst);
        assert!(lock.write().is_ok());
    });
    eventually("a writer waits for this process, which reads", || lock.has_writer());
    [&copies, &writes].into_iter().for_each(|fork| let_look(fork.pid()));
    drop(reading);
    assert_eq!((reap(copies), reap(writes)), (0, 0));
}

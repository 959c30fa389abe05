//! A process with guards that becomes another program: they are gone with its memory, and the locks are nobody else's before its end.
//! `unsafe`: exec.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // a number that a lock guards

mod common;

use std::fs;
use std::mem;
use std::ptr;
use std::sync::atomic::AtomicU64;
use std::thread;

use common::{fork, kill, share};
use multiproc_sync::{LockError, LockResult, Mutex, ReentrantMutex, RwLock};
use multiproc_testkit::{Watchdog, eventually};

fn has_left<G>(refused: LockResult<G>) -> bool {
    matches!(refused, Err(LockError::OwnerLeft))
}

#[test]
fn what_a_process_held_that_became_another_program_is_had_at_its_end() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, reentrant) = (share(Mutex::new(0_u64)), share(ReentrantMutex::new(AtomicU64::new(0))));
    let [read, written] = [(); 2].map(|()| share(RwLock::<u64, 1>::with_readers(0)));
    let becomes = fork(|| {
        mem::forget(mutex.lock().unwrap());
        mem::forget([(); 2].map(|()| reentrant.lock().unwrap()));
        mem::forget([(); 2].map(|()| read.read().unwrap()));
        mem::forget(written.write().unwrap());
        let arguments = [c"sleep".as_ptr(), c"60".as_ptr(), ptr::null()];
        // SAFETY: strings and their list end with zeros.
        unsafe { libc::execv(c"/bin/sleep".as_ptr(), arguments.as_ptr()) };
    });
    let program = format!("/proc/{}/comm", becomes.pid());
    eventually("it is another program", || fs::read_to_string(&program).unwrap() == "sleep\n");
    assert!(matches!(read.try_write(), Err(LockError::TimedOut)));
    assert!(matches!(read.try_read(), Err(LockError::TooManyReaders)));
    // After three heartbeats, each of them.
    thread::scope(|scope| {
        let told = [
            scope.spawn(|| has_left(mutex.lock())),
            scope.spawn(|| has_left(reentrant.lock())),
            scope.spawn(|| has_left(written.write())),
            scope.spawn(|| has_left(written.read())),
        ];
        assert_eq!(told.map(|told| told.join().unwrap()), [true; 4]);
    });
    kill(becomes);
    assert!(matches!(mutex.try_lock(), Err(LockError::OwnerDied(_))));
    assert!(matches!(reentrant.try_lock(), Err(LockError::OwnerDied(_))));
    assert!(matches!(written.try_read(), Err(LockError::OwnerDied(_))));
    assert!(read.try_read().is_ok() && read.try_write().is_ok());
}

//! Who joins which family when a shared lock arrives: a binary of its own, whose process begins without one.

use multiproc_ipc::{DecodeError, MessageSocket, RecvError, pipe};
use multiproc_shm::{Shared, ShmError};
use multiproc_sync::{LockError, Mutex, registry};
use multiproc_testkit::Watchdog;
use multiproc_testkit::fork::{fork, reap};

type Lock = Shared<Mutex<u64>>;

/// One test: what it is about happens to a process once.
#[test]
fn a_process_joins_the_family_of_the_first_lock_that_it_is_sent() {
    let _watchdog = Watchdog::with_limit(60);
    let [(ours, theirs), (ours_too, theirs_too)] = [pipe::<(), Lock>().unwrap(), pipe::<(), Lock>().unwrap()];
    // Two that begin a family each, before this process has one.
    let makes_one = |line: multiproc_ipc::Connection<Lock, ()>| {
        let lock = Lock::new(Mutex::new(7)).unwrap();
        line.send(lock.clone()).unwrap();
        line.recv().unwrap();
        *lock.lock().unwrap() += 1;
        std::mem::forget(lock.lock().unwrap());
    };
    let first = fork(|| makes_one(theirs));
    let second = fork(|| makes_one(theirs_too));
    assert!(registry::installed().is_none());

    let lock = ours.recv().unwrap();
    assert!(registry::installed().is_some());
    *lock.lock().unwrap() += 1;
    let error = ours_too.recv().unwrap_err();
    let RecvError::Decode(DecodeError::Handle { reason, .. }) = &error else { panic!("{error}") };
    assert!(matches!(reason.downcast_ref(), Some(ShmError::ForeignFamily { .. })), "{error}");

    ours.send(()).unwrap();
    ours_too.send(()).unwrap();
    assert_eq!((reap(first), reap(second)), (0, 0));
    let Err(LockError::OwnerDied(value)) = lock.lock() else { panic!("it ended with the lock held") };
    assert_eq!(*value, 9);

    // What the new member makes, another process takes in turn.
    let (a, b) = MessageSocket::pair().unwrap();
    a.send(&multiproc_ipc::Message::encode(&Lock::new(Mutex::new(1)).unwrap()).unwrap(), None).unwrap();
    let child = fork(|| *b.recv(None).unwrap().decode::<Lock>().unwrap().lock().unwrap() += 1);
    assert_eq!(reap(child), 0);
}

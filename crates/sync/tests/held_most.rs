//! As many locks as a thread can hold, ours and libc's, when its process is killed: the kernel follows 2,048 nodes of a thread's list.
#![allow(clippy::disallowed_types)] // numbers that the locks guard

mod common;
mod theirs;

use std::mem;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::{LockError, LockResult, MAX_HELD, Mutex, ReentrantMutex, RwLock, RwLockWriteGuard};
use multiproc_testkit::{Watchdog, eventually};
use theirs::Theirs;

/// How many nodes the kernel follows at a thread's death.
const FOLLOWED: usize = 2048;

/// The thread's own entry in the registry is one.
const ENTRY: usize = 1;

/// So many of libc's beside as many of ours as there can be are all that the kernel follows.
const BESIDE: usize = FOLLOWED - ENTRY - MAX_HELD;

const THIRD: usize = MAX_HELD / 3;

/// As many of ours as a thread can hold: a third of each kind that stands in the list, and one more.
struct Ours {
    mutexes: &'static [Mutex<u64>; THIRD + 1],
    reentrant: &'static [ReentrantMutex<AtomicU64>; THIRD],
    written: &'static [RwLock<u64, 1>; THIRD],
}

const _: () = assert!(3 * THIRD + 1 == MAX_HELD);

/// What came of a lock; its guard is forgotten where that is wanted.
fn told<G>(found: LockResult<G>, is_kept: bool) -> Result<(), String> {
    let guard = found.map_err(|error| format!("{error:?}"))?;
    if is_kept {
        mem::forget(guard);
    }
    Ok(())
}

impl Ours {
    fn new() -> Self {
        Self {
            mutexes: share([const { Mutex::new(0) }; THIRD + 1]),
            reentrant: share([const { ReentrantMutex::new(AtomicU64::new(0)) }; THIRD]),
            written: share([const { RwLock::with_readers(0) }; THIRD]),
        }
    }

    /// Takes one of them, without a wait.
    fn take(&self, number: usize, is_kept: bool) -> Result<(), String> {
        match (number / 3, number % 3) {
            (which, 0) => told(self.mutexes[which].try_lock(), is_kept),
            (which, 1) => told(self.reentrant[which].try_lock(), is_kept),
            (which, _) => told(self.written[which].try_write(), is_kept),
        }
    }

    fn mend(&self) {
        self.mutexes.iter().for_each(|lock| drop(lock.lock_or_reset(|_| {}).unwrap()));
        self.reentrant.iter().for_each(|lock| drop(lock.lock_or_reset(|_| {}).unwrap()));
        self.written.iter().for_each(|lock| drop(lock.write_or_reset(|_| {}).unwrap()));
    }

    fn hold_all(&self) {
        (0..MAX_HELD).for_each(|number| assert_eq!(self.take(number, true), Ok(())));
    }
}

/// A lock of one kind or the other, by its number.
#[derive(Clone, Copy)]
enum Of {
    Ours(usize),
    Theirs(usize),
}

/// All of both kinds, one kind before the other or in turn.
fn orders() -> [Vec<Of>; 3] {
    let (ours, theirs) = ((0..MAX_HELD).map(Of::Ours), (0..BESIDE).map(Of::Theirs));
    let in_turn = ours.clone().zip(theirs.clone()).flat_map(|(ours, theirs)| [ours, theirs]);
    [
        ours.clone().chain(theirs.clone()).collect(),
        theirs.chain(ours.clone()).collect(),
        in_turn.chain(ours.skip(BESIDE)).collect(),
    ]
}

#[test]
fn as_many_as_the_kernel_follows_are_all_recovered() {
    let _watchdog = Watchdog::with_limit(120);
    let (ours, theirs, ready) = (Ours::new(), Theirs::several(BESIDE), flag());
    for order in orders() {
        assert_eq!(order.len() + ENTRY, FOLLOWED);
        ready.store(0, SeqCst);
        let owner = fork(|| {
            for lock in &order {
                match *lock {
                    Of::Ours(number) => assert_eq!(ours.take(number, true), Ok(())),
                    Of::Theirs(number) => mem::forget(theirs[number].lock()),
                }
            }
            ready.store(1, SeqCst);
            idle();
        });
        eventually("the locks are held", || ready.load(SeqCst) == 1);
        kill(owner);
        let died = (0..MAX_HELD).filter(|number| ours.take(*number, false) == Err("OwnerDied(..)".into()));
        assert_eq!(died.count(), MAX_HELD);
        assert_eq!(theirs.iter().filter(|theirs| theirs.recover() == Ok(true)).count(), BESIDE);
        ours.mend();
        for _ in 0..3 {
            assert!((0..MAX_HELD).all(|number| ours.take(number, false).is_ok()));
            assert!(theirs.iter().all(|theirs| theirs.recover() == Ok(false)));
        }
    }
}

/// The oldest, one of libc's here. Were ours not limited, it could be one of them, and held by a dead thread for good.
#[test]
fn one_more_than_the_kernel_follows_is_lost() {
    let _watchdog = Watchdog::with_limit(120);
    let (ours, theirs, ready) = (Ours::new(), Theirs::several(BESIDE + 1), flag());
    let owner = fork(|| {
        mem::forget(theirs[0].lock());
        ours.hold_all();
        theirs[1..].iter().for_each(|theirs| mem::forget(theirs.lock()));
        ready.store(1, SeqCst);
        idle();
    });
    eventually("the locks are held", || ready.load(SeqCst) == 1);
    kill(owner);
    let died = (0..MAX_HELD).filter(|number| ours.take(*number, false) == Err("OwnerDied(..)".into()));
    assert_eq!(died.count(), MAX_HELD);
    assert!(theirs[1..].iter().all(|theirs| theirs.recover() == Ok(true)));
    assert_eq!(theirs[0].recover(), Err(libc::EBUSY), "the kernel has followed one more");
}

fn is_one_too_many<G>(found: LockResult<G>) -> bool {
    matches!(found, Err(LockError::TooManyHeld))
}

/// One that holds all it can is refused whatever stands in the list, and has changed nothing; what does not it may have.
#[test]
fn one_more_than_a_thread_can_hold_is_refused() {
    let _watchdog = Watchdog::with_limit(120);
    let ours = Ours::new();
    let (mutex, reentrant) = (share(Mutex::new(0_u64)), share(ReentrantMutex::new(AtomicU64::new(0))));
    let [free, written] = [(); 2].map(|()| share(RwLock::<u64, 2>::with_readers(0)));
    let guard = written.write().unwrap();
    let most = fork(|| {
        ours.hold_all();
        assert!(is_one_too_many(mutex.lock()) && is_one_too_many(mutex.try_lock()));
        assert!(is_one_too_many(reentrant.lock()) && is_one_too_many(reentrant.try_lock()));
        for lock in [free, written] {
            assert!(is_one_too_many(lock.write()) && is_one_too_many(lock.try_write()));
        }
        assert!(is_one_too_many(written.read()) && is_one_too_many(written.try_read()));
        // Whoever else comes finds them as they were.
        assert!(!mutex.is_locked() && !reentrant.is_locked());
        assert_eq!((free.readers(), free.has_writer(), written.readers()), (0, false, 0));
        // A reader that need not wait holds none of these, nor does a level more.
        assert!(free.read().is_ok() && ours.reentrant[0].lock().is_ok());
    });
    assert_eq!(reap(most), 0);
    drop(guard);
    for lock in [free, written] {
        assert!(lock.try_write().is_ok() && lock.try_read().is_ok());
    }
    assert!(mutex.try_lock().is_ok() && reentrant.try_lock().is_ok());
    ours.mend();
    // A writer that goes on as a reader leaves room for one more.
    let last = fork(|| {
        (1..MAX_HELD).for_each(|number| assert_eq!(ours.take(number, true), Ok(())));
        let guard = free.write().unwrap();
        assert!(is_one_too_many(mutex.lock()));
        let guard = RwLockWriteGuard::downgrade(guard);
        assert!(mutex.lock().is_ok());
        drop(guard);
    });
    assert_eq!(reap(last), 0);
    assert!(mutex.try_lock().is_ok() && free.try_write().is_ok());
}

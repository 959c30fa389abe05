//! A hook that forks: there the wait ends, and nothing is taken, counted or broken under its parent's name. `unsafe`: handlers, signals,
//! forks in the hook.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod common;
mod signals;

use std::mem;
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{
    AcquireError, Barrier, BarrierError, Condvar, Doorbell, Event, Latch, Lock, LockError, Mutex, Once,
    OnceError, Pace, RobustSemaphore, RwLock, Semaphore, WaitError, WaitGroup, WaitGroupError, interrupt,
};
use multiproc_testkit::{Watchdog, children_of, eventually, is_running};
use signals::{Stopped, handle, is_pending, notes, signal_until};

const NOT_YET: i32 = 0;
const IN_THE_FORK: i32 = -1;

/// The fork that the hook has made.
static FORKED: AtomicI32 = AtomicI32::new(NOT_YET);

/// Counts the two that come back from the fork, and lets them go on once it is [`OPEN`].
static GATE: OnceLock<&AtomicU32> = OnceLock::new();
const BOTH: u32 = 2;
const OPEN: u32 = 100;

fn forks() -> ControlFlow<()> {
    if is_pending() && FORKED.load(SeqCst) == NOT_YET {
        // SAFETY: the fork goes on with what is for forks, and ends without the harness; it does not outlive its parent.
        match unsafe { libc::fork() } {
            0 => {
                FORKED.store(IN_THE_FORK, SeqCst);
                // SAFETY: no conditions.
                unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            }
            pid => FORKED.store(pid, SeqCst),
        }
        if let Some(gate) = GATE.get() {
            gate.fetch_add(1, SeqCst);
            eventually("the gate is open", || gate.load(SeqCst) >= OPEN);
        }
    }
    ControlFlow::Continue(())
}

fn is_the_fork() -> bool {
    FORKED.load(SeqCst) == IN_THE_FORK
}

const RIGHT: u32 = 1;
const WRONG: u32 = 2;

/// Tells in the fork how the wait has ended there.
fn tell(told: &AtomicU32, is_right: bool) {
    if is_the_fork() {
        told.store(if is_right { RIGHT } else { WRONG }, SeqCst);
    }
    idle();
}

fn is_interrupted<G>(ended: &Result<G, LockError<G>>) -> bool {
    matches!(ended, Err(LockError::Interrupted))
}

/// Each kind of wait: whether it ended as it has to in a fork.
fn waits() -> Vec<Box<dyn Fn() -> bool>> {
    const INTERRUPTED: Result<(), WaitError> = Err(WaitError::Interrupted);
    let robust = share(Mutex::new(0_u64));
    let (semaphore, unowned, latch) = (share(Semaphore::new(0)), share(Lock::new()), share(Latch::new(1)));
    let (permits, event, group) =
        (share(RobustSemaphore::<1>::new()), share(Event::new()), share(WaitGroup::new()));
    let (data, changed) = (share(Mutex::new(0_u64)), share(Condvar::new()));
    let barrier = share(Barrier::new(2).unwrap());
    mem::forget(robust.lock().unwrap());
    unowned.acquire().unwrap();
    mem::forget(permits.permit().unwrap());
    group.add(1).unwrap();
    let (written, read) = (share(RwLock::new(0_u64)), share(RwLock::<_, 1>::with_readers(0_u64)));
    mem::forget(written.write().unwrap());
    mem::forget(read.read().unwrap());
    vec![
        Box::new(|| is_interrupted(&robust.lock())),
        Box::new(|| {
            let private = Mutex::new(0);
            let _guard = private.lock().unwrap();
            is_interrupted(&private.lock())
        }),
        Box::new(|| semaphore.acquire() == INTERRUPTED),
        Box::new(|| unowned.acquire() == INTERRUPTED),
        Box::new(|| latch.wait() == INTERRUPTED),
        Box::new(|| permits.permit().unwrap_err() == AcquireError::Interrupted),
        Box::new(|| {
            let private = RobustSemaphore::<1>::new();
            let _permit = private.permit().unwrap();
            private.permit().unwrap_err() == AcquireError::Interrupted
        }),
        Box::new(|| event.wait() == INTERRUPTED),
        Box::new(|| Event::new().wait() == INTERRUPTED),
        Box::new(|| Doorbell::new().wait(&Pace::new(), None, || None::<()>) == INTERRUPTED),
        Box::new(|| is_interrupted(&data.lock().and_then(|data| changed.wait_while(data, |_| true)))),
        Box::new(|| is_interrupted(&written.read())),
        Box::new(|| is_interrupted(&written.write())),
        Box::new(|| is_interrupted(&read.read())),
        Box::new(|| is_interrupted(&read.write())),
        Box::new(|| group.wait() == Err(WaitGroupError::Interrupted)),
        Box::new(|| barrier.wait() == Err(BarrierError::Broken)),
    ]
}

#[test]
fn every_wait_ends_in_the_fork_and_goes_on_in_its_parent() {
    let _watchdog = Watchdog::with_limit(120);
    handle(notes);
    for (number, wait) in waits().into_iter().enumerate() {
        let told = flag();
        let waiter = fork(|| {
            interrupt::install(forks).unwrap();
            let is_right = wait();
            assert!(is_the_fork(), "wait {number} has ended in the parent");
            tell(told, is_right);
        });
        signal_until(&waiter, || told.load(SeqCst) != 0);
        assert_eq!(told.load(SeqCst), RIGHT, "wait {number}");
        assert!(is_running(waiter.pid()), "wait {number} goes on in the parent");
        kill(waiter);
    }
}

/// For another's initialiser, in both kinds of memory.
#[test]
fn a_wait_for_an_initialiser_ends_in_the_fork() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    for once in [Box::leak(Box::new(Once::new())), share(Once::new())] {
        let told = flag();
        let waiter = fork(|| {
            interrupt::install(forks).unwrap();
            let late = || tell(told, once.call_once(|| ()) == Err(OnceError::Interrupted));
            once.call_once(|| thread::scope(|scope| _ = scope.spawn(late))).unwrap();
        });
        // The thread that initialises waits, too, but not as one that the hook is asked about.
        signal_until(&waiter, || told.load(SeqCst) != 0);
        assert_eq!(told.load(SeqCst), RIGHT);
        kill(waiter);
    }
}

fn has_forked(waiter: &Fork) -> bool {
    !children_of(waiter.pid()).is_empty()
}

/// Its parent waits for it as for any other, and learns of its death.
#[test]
fn a_lock_that_the_fork_takes_afterwards_is_its_own() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    const PARENT_WAS_THERE: u32 = 1;
    const FORK_HAS_IT: u32 = 2;
    let (mutex, turn) = (share(Mutex::new(0_u64)), flag());
    let guard = mutex.lock().unwrap();
    let waiter = fork(|| {
        interrupt::install(forks).unwrap();
        let locked = mutex.lock();
        if is_the_fork() {
            assert!(is_interrupted(&locked));
            eventually("its parent was there", || turn.load(SeqCst) == PARENT_WAS_THERE);
            let _guard = mutex.lock().unwrap();
            turn.store(FORK_HAS_IT, SeqCst);
            idle();
        }
        drop(locked.unwrap());
        turn.store(PARENT_WAS_THERE, SeqCst);
        eventually("the fork has it", || turn.load(SeqCst) == FORK_HAS_IT);
        assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)));
        kill(Fork::adopt(FORKED.load(SeqCst)));
        assert!(matches!(mutex.lock_timeout(Duration::from_secs(30)), Err(LockError::OwnerDied(_))));
    });
    signal_until(&waiter, || has_forked(&waiter));
    drop(guard);
    assert_eq!(reap(waiter), 0);
}

/// Two come free while the hook is at work: the fork takes none of them for its parent.
#[test]
fn a_permit_is_taken_once() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let (semaphore, gate, told) = (share(RobustSemaphore::<2>::new()), flag(), flag());
    let permits = [(); 2].map(|()| semaphore.permit().unwrap());
    let waiter = fork(|| {
        GATE.set(gate).unwrap();
        interrupt::install(forks).unwrap();
        let acquired = semaphore.permit();
        tell(told, matches!(acquired, Err(AcquireError::Interrupted)));
    });
    signal_until(&waiter, || gate.load(SeqCst) == BOTH);
    drop(permits);
    gate.store(OPEN, SeqCst);
    eventually("the parent has one", || semaphore.available() < 2);
    eventually("the fork knows", || told.load(SeqCst) != 0);
    assert_eq!((told.load(SeqCst), semaphore.available()), (RIGHT, 1));
    kill(waiter);
}

/// One waits for the next round while the last one's action runs, and its hook forks: they do not meet each other there.
#[test]
fn a_fork_of_one_that_waits_for_the_next_round_is_no_party() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let (barrier, acts, told) = (share(Barrier::new(2).unwrap()), flag(), flag());
    let round = [(); 2].map(|()| {
        fork(|| {
            let act = || {
                acts.store(1, SeqCst);
                eventually("the action is to end", || acts.load(SeqCst) == 2);
            };
            assert!(barrier.wait_with(act).is_ok());
        })
    });
    eventually("the action has begun", || acts.load(SeqCst) == 1);
    let next = fork(|| {
        interrupt::install(forks).unwrap();
        let met = barrier.wait();
        if is_the_fork() {
            tell(told, met == Err(BarrierError::Broken));
        }
        assert!(met.is_ok());
    });
    signal_until(&next, || has_forked(&next));
    acts.store(2, SeqCst);
    assert_eq!(round.map(reap), [0; 2]);
    eventually("the fork knows", || told.load(SeqCst) != 0);
    assert_eq!(told.load(SeqCst), RIGHT);
    eventually("one has come", || barrier.waiting() == Ok(1));
    assert!(barrier.wait().is_ok());
    assert_eq!(reap(next), 0);
}

/// As one that waits for the barrier's mutex: it does not give up for its parent.
#[test]
fn a_fork_of_one_that_has_not_come_breaks_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    let (barrier, told) = (share(Barrier::new(2).unwrap()), flag());
    let stopped = Stopped::with(barrier);
    let comes = fork(|| {
        interrupt::install(forks).unwrap();
        let met = barrier.wait();
        if is_the_fork() {
            tell(told, met == Err(BarrierError::Broken));
        }
        assert!(met.is_ok());
    });
    signal_until(&comes, || told.load(SeqCst) != 0);
    assert_eq!(told.load(SeqCst), RIGHT);
    stopped.goes_on();
    eventually("one has come", || barrier.waiting() == Ok(1));
    assert!(barrier.wait().is_ok());
    assert_eq!(reap(comes), 0);
}

/// A fork of one that waits for readers: the parent waits on, and keeps others out as before.
#[test]
fn a_fork_of_a_writer_opens_no_gate() {
    let _watchdog = Watchdog::with_limit(120);
    handle(notes);
    let (lock, told) = (share(RwLock::new(0_u64)), flag());
    let guard = lock.read().unwrap();
    let writer = fork(|| {
        interrupt::install(forks).unwrap();
        let is_right = is_interrupted(&lock.write());
        tell(told, is_right);
    });
    signal_until(&writer, || told.load(SeqCst) != 0);
    assert_eq!(told.load(SeqCst), RIGHT);
    assert!(lock.has_writer(), "the parent waits still");
    thread::scope(|scope| {
        let passes = scope.spawn(|| lock.try_read().is_ok());
        assert!(!passes.join().unwrap(), "it keeps others out");
    });
    drop(guard);
    eventually("the parent has written", || lock.try_write().is_ok());
    assert_eq!((lock.readers(), lock.has_writer()), (0, false));
    kill(writer);
}

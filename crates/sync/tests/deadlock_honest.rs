//! Those who wait for somebody at work are told nothing, however long that takes.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod circles;
mod common;
mod signals;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use circles::{Meeting, in_forks, let_look};
use common::{flag, fork, reap, share, thread_id};
use multiproc_sync::{LockError, Mutex, RwLock, interrupt};
use multiproc_testkit::{Watchdog, eventually};
use signals::{handle, notes};

/// Long enough for many looks at who waits for whom.
const LONG: Duration = Duration::from_secs(5);

/// One is at work; a second one waits for it, with a lock that a third and a fourth wait for, in every form.
#[test]
fn five_seconds_of_work_are_no_deadlock() {
    let _watchdog = Watchdog::with_limit(120);
    let [work, between] = [share(Mutex::new(0)), share(Mutex::new(0))];
    let read = share(RwLock::new(0));
    let meeting = Meeting::of(2);
    let works = || {
        let _work = work.lock().unwrap();
        meeting.meet();
        thread::sleep(LONG);
    };
    let waits = || {
        let _between = between.lock().unwrap();
        let _read = read.read().unwrap();
        meeting.meet();
        assert!(work.lock().is_ok());
    };
    let waits_for_it = || {
        eventually("it has come", || read.readers() == 1);
        assert!(between.lock().is_ok());
    };
    let writes = || {
        eventually("it has come", || read.readers() == 1);
        assert!(read.write().is_ok());
    };
    let reads = || {
        eventually("a writer waits", || read.has_writer());
        assert!(read.read().is_ok());
    };
    in_forks([&works, &waits, &waits_for_it, &writes, &reads]);
}

/// Locks are taken in one order by all: there is no deadlock, though all wait for all the time.
#[test]
fn many_who_keep_an_order() {
    let _watchdog = Watchdog::with_limit(120);
    let locks = [(); 4].map(|()| share(Mutex::new(0_u64)));
    let runs = |seed: usize| {
        for turn in 0..3000 {
            let first = (seed + turn) % 4;
            let _first = locks[first].lock().unwrap();
            let second = first + 1 + turn % 3;
            if let Some(second) = locks.get(second) {
                *second.lock().unwrap() += 1;
            }
        }
    };
    in_forks([&|| runs(0), &|| runs(1), &|| runs(2), &|| runs(3)]);
}

/// Two in a circle, of which one gives up by itself: it says so, and the other goes on.
#[test]
fn a_circle_with_a_time_is_left_to_the_time() {
    let _watchdog = Watchdog::with_limit(60);
    let [first, second] = [share(Mutex::new(0)), share(Mutex::new(0))];
    let meeting = Meeting::of(2);
    let patient = || {
        let _first = first.lock().unwrap();
        meeting.meet();
        assert!(second.lock().is_ok());
    };
    let impatient = || {
        let _second = second.lock().unwrap();
        meeting.meet();
        let ended = first.lock_timeout(Duration::from_millis(800));
        assert!(matches!(ended, Err(LockError::TimedOut)), "{ended:?}");
    };
    in_forks([&patient, &impatient]);
}

/// The hook has begun.
static BEGUN: AtomicU32 = AtomicU32::new(0);

/// A thread that serves a signal in the middle of a wait does not wait meanwhile: whoever waits for what it takes then goes on.
#[test]
fn a_signals_hook_is_no_wait() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    // Placed where the hook, which is a plain function, finds it: in the parent, before the fork.
    let [ours, theirs] = [share(Mutex::new(0)), share(Mutex::new(0))];
    let in_hook = flag();
    static THEIRS: std::sync::OnceLock<(&Mutex<i32>, &AtomicU32, u32)> = std::sync::OnceLock::new();
    THEIRS.set((theirs, in_hook, thread_id())).unwrap();
    let held = ours.lock().unwrap();
    let waiter = fork(|| {
        interrupt::install(|| {
            if BEGUN.swap(1, SeqCst) == 0 {
                let (theirs, in_hook, waits_for_hook) = THEIRS.get().unwrap();
                let _theirs = theirs.lock().unwrap();
                in_hook.store(1, SeqCst);
                let_look(*waits_for_hook);
            }
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
        assert!(ours.lock().is_ok());
    });
    eventually("the hook has the other lock", || in_hook.load(SeqCst) == 1);
    // Waits for the hook, whose thread waits for this one, but not now.
    assert!(theirs.lock().is_ok());
    drop(held);
    assert_eq!(reap(waiter), 0);
}

//! A group that cannot be locked: by a thread with too many locks, behind a process that stands still, or with a hook that ends waits.
//! `unsafe`: the group's mutex, taken past the group.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // what the processes count, not the group

mod common;

use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{MAX_HELD, Mutex, WaitGroup, WaitGroupError, interrupt};
use multiproc_testkit::{Watchdog, eventually, holds_within, state_of};

/// A process that has the group's mutex until it is killed.
fn standing_still_inside(group: &'static WaitGroup) -> Fork {
    let inside = flag();
    let stopped = fork(|| {
        // SAFETY: the group begins with its mutex's head, which is that of every mutex; what it guards is not touched.
        let head = unsafe { &*std::ptr::from_ref(group).cast::<Mutex<()>>() };
        let _guard = head.lock().unwrap();
        inside.store(1, SeqCst);
        idle();
    });
    eventually("it is inside", || inside.load(SeqCst) == 1);
    stopped
}

/// To drop a member needs no room among the thread's locks.
#[test]
fn a_member_is_done_by_a_thread_that_can_lock_no_more() {
    let _watchdog = Watchdog::with_limit(60);
    let (group, locks) = (share(WaitGroup::new()), share([const { Mutex::new(()) }; MAX_HELD]));
    let member = group.add_member().unwrap();
    let waits = fork(|| group.wait().unwrap());
    eventually("it sleeps", || state_of(waits.pid()) == Some('S'));
    let held = locks.each_ref().map(|lock| lock.lock().unwrap());
    assert_eq!(
        (group.members(), group.done()),
        (Err(WaitGroupError::TooManyHeld), Err(WaitGroupError::TooManyHeld))
    );
    drop(member);
    assert_eq!(reap(waits), 0);
    drop(held);
    assert_eq!((group.remaining(), group.members()), (Ok(0), Ok(0)));
}

/// Whoever waits for a time gets it back from a process that stands still in the middle of a call, too.
#[test]
fn a_process_that_stands_still_inside_holds_up_no_wait_with_an_end() {
    let _watchdog = Watchdog::with_limit(60);
    let group = share(WaitGroup::new());
    let stopped = standing_still_inside(group);
    let timed_out = Err(WaitGroupError::TimedOut);
    assert_eq!((group.try_wait(), group.wait_timeout(Duration::from_millis(1))), (timed_out, timed_out));
    assert_eq!(group.wait_deadline(Instant::now()), timed_out);
    assert_eq!(format!("{group:?}"), "WaitGroup { remaining: <locked>, .. }");
    kill(stopped);
    assert_eq!((group.wait(), group.remaining()), (Ok(()), Ok(0)));
}

/// How often the hook was asked: set in the fork that installs it.
static ASKED: OnceLock<&AtomicU32> = OnceLock::new();

fn ends_all_waits() -> ControlFlow<()> {
    ASKED.get().unwrap().fetch_add(1, SeqCst);
    ControlFlow::Break(())
}

#[test]
fn the_hook_ends_every_call_that_changes_nothing_then_and_no_other() {
    let _watchdog = Watchdog::with_limit(60);
    let (group, asked, told) = (share(WaitGroup::new()), flag(), flag());
    group.add(2).unwrap();
    let stopped = standing_still_inside(group);
    let child = fork(|| {
        ASKED.set(asked).unwrap();
        interrupt::install(ends_all_waits).unwrap();
        let interrupted = WaitGroupError::Interrupted;
        assert_eq!((group.add(1), group.wait()), (Err(interrupted), Err(interrupted)));
        assert_eq!(
            (group.enter().map(drop), group.add_member().map(drop)),
            (Err(interrupted), Err(interrupted))
        );
        assert_eq!(group.take_over().map(drop), Err(interrupted));
        told.store(asked.load(SeqCst), SeqCst);
        group.done().unwrap();
    });
    // Each is asked about with a heartbeat.
    assert!(holds_within(Duration::from_secs(30), || told.load(SeqCst) > 0));
    eventually("it is being done", || state_of(child.pid()) == Some('S'));
    std::thread::sleep(Duration::from_millis(1200)); // a heartbeat passes
    kill(stopped);
    assert_eq!((reap(child), group.remaining(), group.members()), (0, Ok(1), Ok(0)));
    assert_eq!(asked.load(SeqCst), told.load(SeqCst), "nobody waits for an answer");
}

/// What was left to whoever locks it next, and nobody has.
#[test]
fn what_was_done_by_a_thread_that_could_not_lock_is_so_where_it_is_placed_anew() {
    let _watchdog = Watchdog::with_limit(60);
    let (group, locks) = (share(WaitGroup::new()), share([const { Mutex::new(()) }; MAX_HELD]));
    group.add(1).unwrap();
    let member = group.add_member().unwrap();
    let held = locks.each_ref().map(|lock| lock.lock().unwrap());
    drop(member);
    drop(held);
    // SAFETY: a value like any other when nobody uses it; it is not used any more where it was.
    let group = share(unsafe { std::ptr::read(group) });
    assert_eq!((group.remaining(), group.members()), (Ok(1), Ok(0)));
    group.done().unwrap();
    assert_eq!(group.wait(), Ok(()));
}

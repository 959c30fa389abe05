//! Waits for a group, and members that are done, beside one that is stopped with the group's mutex, and when signals come.
#![allow(clippy::disallowed_types)] // flags beside the group, not the group

mod common;
mod signals;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::{WaitGroup, WaitGroupError, interrupt};
use multiproc_testkit::{Watchdog, eventually};
use signals::{Stopped, breaks_once, ends_by_signals, handle, notes, panics, signal_until};

#[test]
fn one_that_is_stopped_with_the_mutex_does_not_keep_others_beyond_their_time() {
    let _watchdog = Watchdog::with_limit(60);
    let group = share(WaitGroup::new());
    group.add(1).unwrap();
    let stopped = Stopped::with(group);
    let late = fork(|| {
        assert_eq!(group.wait_timeout(Duration::from_millis(50)), Err(WaitGroupError::TimedOut));
    });
    assert_eq!(reap(late), 0);
    stopped.goes_on();
    group.done().unwrap();
    assert_eq!(group.wait(), Ok(()));
}

#[test]
fn a_signal_ends_whatever_waits_for_the_mutex_and_nothing_has_changed() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    type Call = fn(&WaitGroup) -> Result<(), WaitGroupError>;
    let calls: [Call; 3] = [WaitGroup::wait, |group| group.add(1), |group| group.enter().map(drop)];
    for call in calls {
        let group = share(WaitGroup::new());
        group.add(1).unwrap();
        let stopped = Stopped::with(group);
        let waits = fork(|| {
            interrupt::install(breaks_once).unwrap();
            assert_eq!(call(group), Err(WaitGroupError::Interrupted));
        });
        assert!(ends_by_signals(waits));
        stopped.goes_on();
        assert_eq!((group.remaining(), group.members()), (Ok(1), Ok(0)));
    }
}

/// What its hook says of the wait, and whether it panics, is one thing, and that the member is done another.
#[test]
fn a_member_is_done_whatever_a_signal_does_to_it() {
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    for (hook, caught) in [(breaks_once as interrupt::Hook, 1), (panics, 2)] {
        let (group, ready, was_called, ended) = (share(WaitGroup::new()), flag(), flag(), flag());
        let works = fork(|| {
            static HOOK: std::sync::OnceLock<(interrupt::Hook, &AtomicU32)> = std::sync::OnceLock::new();
            HOOK.set((hook, was_called)).unwrap();
            interrupt::install(|| {
                let (hook, was_called) = HOOK.get().unwrap();
                was_called.store(1, SeqCst);
                hook()
            })
            .unwrap();
            let member = group.join().unwrap();
            ready.store(1, SeqCst);
            eventually("the mutex is another's", || ready.load(SeqCst) == 2);
            let panicked = catch_unwind(AssertUnwindSafe(|| drop(member))).is_err();
            ended.store(1 + u32::from(panicked), SeqCst);
            idle();
        });
        eventually("it works", || ready.load(SeqCst) == 1);
        let stopped = Stopped::with(group);
        ready.store(2, SeqCst);
        signal_until(&works, || was_called.load(SeqCst) == 1);
        stopped.goes_on();
        eventually("it is done", || ended.load(SeqCst) == caught);
        assert_eq!((group.remaining(), group.wait()), (Ok(0), Ok(())));
        kill(works);
    }
}

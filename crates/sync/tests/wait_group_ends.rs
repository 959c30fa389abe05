//! Waits for a group, and members that are done, beside one that is stopped with the group's mutex, and when signals come.
#![allow(clippy::disallowed_types)] // flags beside the group, not the group

mod common;
mod signals;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use common::{flag, fork, reap, share};
use multiproc_sync::{WaitGroup, WaitGroupError, interrupt};
use multiproc_testkit::{Watchdog, eventually, state_of};
use signals::{Stopped, breaks_once, ends_by_signals, handle, notes, signal_until};

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

/// It does not depend on what a signal's hook says, which is not asked, then: if that panics, a process that unwinds would be aborted.
#[test]
fn a_member_is_done_without_a_question() {
    static ASKED: OnceLock<&AtomicU32> = OnceLock::new();
    fn panics() -> ControlFlow<()> {
        ASKED.get().unwrap().fetch_add(1, SeqCst);
        resume_unwind(Box::new("in the hook"))
    }
    let _watchdog = Watchdog::with_limit(60);
    handle(notes);
    for unwinds in [false, true] {
        let (group, stage, asked) = (share(WaitGroup::new()), flag(), flag());
        let works = fork(|| {
            ASKED.set(asked).unwrap();
            interrupt::install(panics).unwrap();
            let member = group.add_member().unwrap();
            stage.store(1, SeqCst);
            eventually("the mutex is another's", || stage.load(SeqCst) == 2);
            let work = AssertUnwindSafe(|| {
                let _member = member;
                stage.store(3, SeqCst);
                if unwinds {
                    resume_unwind(Box::new("at work"));
                }
            });
            assert_eq!(catch_unwind(work).is_err(), unwinds);
        });
        eventually("it works", || stage.load(SeqCst) == 1);
        let stopped = Stopped::with(group);
        stage.store(2, SeqCst);
        eventually("it is being done", || stage.load(SeqCst) == 3 && state_of(works.pid()) == Some('S'));
        let mut signals = 0..20;
        signal_until(&works, || signals.next().is_none());
        stopped.goes_on();
        assert_eq!((reap(works), asked.load(SeqCst)), (0, 0));
        assert_eq!((group.remaining(), group.wait()), (Ok(0), Ok(())));
    }
}

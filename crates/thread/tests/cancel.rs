//! Cancellation of threads, at work and in waits.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use multiproc_sync::interrupt::{Alarm, masked};
use multiproc_sync::{Condvar, Event, LockError, Mutex, Semaphore, WaitError as SyncError};
use multiproc_testkit::{Watchdog, eventually, fork};
use multiproc_thread::{CancelToken, Cancelled, WaitError, check_cancelled, sleep};

const HOUR: Duration = Duration::from_secs(3600);

/// Longer than a thread sleeps at a time, whose alarm was raised in the wrong moment, and with it on a crowded machine.
fn far_from_over(start: Instant) -> bool {
    start.elapsed() < HOUR / 2
}

fn is_alarmed() -> bool {
    Alarm::of_this_thread().is_raised()
}

#[test]
fn a_sleeper_is_woken() {
    let _watchdog = Watchdog::with_limit(60);
    let (token, start) = (CancelToken::new(), Instant::now());
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            token.scope(|| {
                tell.send(()).unwrap();
                (sleep(HOUR), sleep(Duration::ZERO))
            })
        });
        told.recv().unwrap();
        token.cancel();
        assert_eq!(sleeper.join().unwrap(), (Err(WaitError::Cancelled), Err(WaitError::Cancelled)));
    });
    assert!(far_from_over(start));
}

#[test]
fn all_in_its_scope_are_woken_whatever_they_wait_for() {
    let _watchdog = Watchdog::with_limit(60);
    let token = CancelToken::new();
    let (event, semaphore, mutex, told) = (Event::new(), Semaphore::new(0), Mutex::new(0), Condvar::new());
    let waits: [&(dyn Fn() -> SyncError + Sync); 3] =
        [&|| event.wait().unwrap_err(), &|| semaphore.acquire().unwrap_err(), &|| match told
            .wait_while(mutex.lock().unwrap(), |_| true)
        {
            Err(LockError::Interrupted) => SyncError::Interrupted,
            other => panic!("{other:?}"),
        }];
    thread::scope(|scope| {
        let (token, waits) = (&token, &waits);
        let waiters: Vec<_> = (0..12).map(|n| scope.spawn(move || token.scope(waits[n % 3]))).collect();
        token.cancel();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), SyncError::Interrupted);
        }
    });
    assert!(!mutex.is_locked());
}

#[test]
fn a_token_is_waited_for() {
    let _watchdog = Watchdog::with_limit(60);
    let token = CancelToken::new();
    assert_eq!(token.try_wait(), Err(WaitError::TimedOut));
    assert_eq!(token.wait_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut));
    assert_eq!(token.wait_deadline(Instant::now()), Err(WaitError::TimedOut));
    thread::scope(|scope| {
        let outside = scope.spawn(|| token.wait());
        let inside = scope.spawn(|| token.scope(|| token.wait()));
        token.cancel();
        assert_eq!(outside.join().unwrap(), Ok(()));
        assert_eq!(inside.join().unwrap(), Ok(()));
    });
    assert_eq!((token.try_wait(), token.wait_timeout(HOUR)), (Ok(()), Ok(())));
    assert_eq!(token.scope(|| token.wait_timeout(Duration::ZERO)), Ok(()));
    assert_eq!(token.scope(|| CancelToken::new().wait()), Err(WaitError::Cancelled));
}

#[test]
fn a_scope_ends_with_its_alarm() {
    let _watchdog = Watchdog::with_limit(60);
    let token = CancelToken::new();
    token.scope(|| {
        assert!(!is_alarmed());
        token.cancel();
        token.cancel();
        assert!(is_alarmed());
        // Of the same token, too.
        token.scope(|| assert_eq!(sleep(HOUR), Err(WaitError::Cancelled)));
        assert!(is_alarmed());
    });
    assert!(!is_alarmed());
    assert_eq!(sleep(Duration::from_millis(1)), Ok(()));
    // And by a panic.
    let panicked = catch_unwind(AssertUnwindSafe(|| token.scope(|| resume_unwind(Box::new("in a scope")))));
    assert!(panicked.is_err() && !is_alarmed() && CancelToken::current().is_none());
}

#[test]
fn scopes_add_up() {
    let _watchdog = Watchdog::with_limit(60);
    let [outer, inner] = [(); 2].map(|()| CancelToken::new());
    assert_eq!(check_cancelled(), Ok(()));
    outer.scope(|| {
        inner.scope(|| {
            assert_eq!((check_cancelled(), sleep(Duration::ZERO)), (Ok(()), Ok(())));
            outer.cancel();
            // The innermost is not cancelled, and the wait is.
            assert_eq!((inner.check(), outer.check()), (Ok(()), Err(Cancelled)));
            assert!(!CancelToken::current().unwrap().is_cancelled());
            assert_eq!((check_cancelled(), sleep(HOUR)), (Err(Cancelled), Err(WaitError::Cancelled)));
        });
        assert!(CancelToken::current().unwrap().is_cancelled());
    });
    inner.cancel();
    assert_eq!((check_cancelled(), sleep(Duration::ZERO)), (Ok(()), Ok(())));
}

/// What is in one thread's scope is in no other's.
#[test]
fn a_scope_is_one_threads() {
    let _watchdog = Watchdog::with_limit(60);
    let token = CancelToken::new();
    token.cancel();
    token.scope(|| {
        let other = thread::spawn(|| (CancelToken::current().is_none(), sleep(Duration::from_millis(1))));
        assert_eq!(other.join().unwrap(), (true, Ok(())));
    });
}

#[test]
fn a_masked_wait_goes_on() {
    let _watchdog = Watchdog::with_limit(60);
    let token = CancelToken::new();
    token.cancel();
    token.scope(|| {
        assert_eq!(masked(|| sleep(Duration::from_millis(2))), Ok(()));
        assert_eq!(sleep(HOUR), Err(WaitError::Cancelled));
    });
}

#[test]
fn children_are_cancelled_with_their_parent_and_alone() {
    let root = CancelToken::new();
    let [left, right] = [(); 2].map(|()| root.child());
    let grandchild = left.child().child();
    right.cancel();
    assert_eq!(
        [&root, &left, &right, &grandchild].map(CancelToken::is_cancelled),
        [false, false, true, false]
    );
    drop(left);
    root.cancel();
    assert!(grandchild.is_cancelled() && root.child().child().is_cancelled());
}

/// Neither their cancellation nor their end takes a stack as deep as they are.
#[test]
fn a_chain_of_children_may_be_long() {
    let root = CancelToken::new();
    let mut last = root.child();
    for _ in 0..200_000 {
        last = last.child();
    }
    root.cancel();
    assert!(last.is_cancelled());
    drop(root);
    drop(last);
}

/// A token that lives for long makes room for more children than live at a time.
#[test]
fn children_that_are_gone_leave_room() {
    let root = CancelToken::new();
    let kept: Vec<_> = (0..100_000).map(|_| root.child()).step_by(1000).collect();
    root.cancel();
    assert!(kept.iter().all(CancelToken::is_cancelled));
}

#[test]
fn it_is_shown_and_sent() {
    fn is_sent<T: Send + Sync + Clone + 'static>() {}
    is_sent::<CancelToken>();
    let token = CancelToken::default();
    assert_eq!(format!("{token:?}"), "CancelToken { is_cancelled: false, .. }");
    assert_eq!(WaitError::from(Cancelled), WaitError::Cancelled);
}

/// There it says what it said, and neither hangs nor ends anything.
#[test]
fn in_a_fork_it_stays_as_it_was() {
    let _watchdog = Watchdog::with_limit(60);
    let [before, after] = [(); 2].map(|()| CancelToken::new());
    before.cancel();
    let child = fork::fork(|| {
        after.cancel();
        assert!(before.is_cancelled() && !after.is_cancelled());
        assert!(before.child().is_cancelled() && !after.child().is_cancelled());
        assert_eq!(after.scope(|| sleep(Duration::from_millis(1))), Ok(()));
        let own = CancelToken::new();
        own.cancel();
        assert_eq!(own.scope(|| sleep(HOUR)), Err(WaitError::Cancelled));
    });
    assert_eq!(fork::reap(child), 0);
    // And in a scope.
    before.scope(|| {
        let child =
            fork::fork(|| assert_eq!(Event::new().wait_timeout(Duration::ZERO), Err(SyncError::TimedOut)));
        assert_eq!(fork::reap(child), 0);
    });
    assert!(!is_alarmed() && !after.is_cancelled());
}

/// Threads come and go while tokens are cancelled: each sleep ends, and no alarm is left.
#[test]
fn nobody_is_forgotten_in_a_storm() {
    let _watchdog = Watchdog::with_limit(120);
    for _ in 0..200 {
        let token = CancelToken::new();
        let child = token.child();
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            for n in 0..3 {
                let (token, child, tell) = (&token, &child, tell.clone());
                scope.spawn(move || {
                    child.scope(|| ());
                    tell.send(()).unwrap();
                    let slept = if n == 0 { token } else { child }.scope(|| sleep(HOUR));
                    assert_eq!(slept, Err(WaitError::Cancelled));
                    assert!(!is_alarmed());
                });
            }
            told.recv().unwrap();
            token.cancel();
        });
    }
    eventually("no alarm is left", || !is_alarmed());
}

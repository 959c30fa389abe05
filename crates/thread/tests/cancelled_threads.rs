//! Threads that are cancelled: each runs in the scope of a token of its own.
#![allow(clippy::disallowed_types)] // what a test counts

use std::sync::mpsc;
use std::time::Duration;

use multiproc_sync::interrupt::masked;
use multiproc_testkit::Watchdog;
use multiproc_thread::{
    CancelToken, EndError, JoinError, Thread, Timer, WaitError, check_cancelled, current, main, sleep,
};

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn a_cancelled_thread_hears_of_it_in_its_waits() {
    let _watchdog = Watchdog::with_limit(60);
    let thread = Thread::spawn(|| sleep(LONG)).unwrap();
    assert!(thread.cancel());
    assert!(thread.cancel_token().unwrap().is_cancelled());
    assert_eq!(thread.join().unwrap(), Err(WaitError::Cancelled));
}

#[test]
fn one_that_is_cancelled_before_its_start_begins_so() {
    let _watchdog = Watchdog::with_limit(60);
    let thread = Thread::new(check_cancelled);
    thread.cancel();
    thread.start().unwrap();
    assert!(thread.join().unwrap().is_err());
}

#[test]
fn its_own_token_is_a_child_of_the_one_that_it_was_given() {
    let _watchdog = Watchdog::with_limit(60);
    let request = CancelToken::new();
    let [one, other] = [(); 2].map(|()| {
        let builder = Thread::builder().cancel_token(&request);
        builder.spawn(|| (sleep(LONG), CancelToken::current().unwrap().is_cancelled())).unwrap()
    });
    one.cancel();
    assert_eq!(one.join().unwrap(), (Err(WaitError::Cancelled), true));
    assert!(!request.is_cancelled() && other.is_alive());
    request.cancel();
    assert_eq!(other.join().unwrap(), (Err(WaitError::Cancelled), true));
}

/// The one that waits is told, and the one that it waits for goes on.
#[test]
fn waits_for_threads_and_joins_are_cancelled() {
    let _watchdog = Watchdog::with_limit(60);
    let waits: [fn(Thread<()>) -> bool; 3] = [
        |thread| thread.wait() == Err(EndError::Cancelled),
        |thread| matches!(thread.join(), Err(JoinError::Cancelled)),
        |thread| matches!(thread.join_timeout(LONG), Ok(Err(JoinError::Cancelled))),
    ];
    for wait in waits {
        let (stop, stopped) = mpsc::channel::<()>();
        let joined = Thread::spawn(move || while stopped.recv().is_ok() {}).unwrap();
        let reference = joined.thread().clone();
        let joiner = Thread::spawn(move || wait(joined)).unwrap();
        joiner.cancel();
        assert!(joiner.join().unwrap());
        assert!(reference.is_alive());
        drop(stop);
        reference.wait().unwrap();
    }
}

#[test]
fn a_cancelled_thread_can_join_masked_or_what_has_ended() {
    let _watchdog = Watchdog::with_limit(60);
    let thread = Thread::spawn(|| {
        current().cancel();
        let ended = Thread::spawn(|| 1).unwrap();
        masked(|| ended.wait()).unwrap();
        masked(|| ended.join()).unwrap() + masked(|| Thread::spawn(|| 2).unwrap().join()).unwrap()
    });
    assert_eq!(thread.unwrap().join().unwrap(), 3);
}

#[test]
fn threads_of_others_have_no_token() {
    let _watchdog = Watchdog::with_limit(60);
    assert!(!main().cancel());
    assert!(main().cancel_token().is_none());
    std::thread::spawn(|| assert!(!current().cancel())).join().unwrap();
}

/// It waits for nothing that a cancellation could end: the handle is not lost.
#[test]
fn a_cancelled_thread_tries_to_join() {
    let _watchdog = Watchdog::with_limit(60);
    let (stop, stopped) = mpsc::channel::<()>();
    let joined = Thread::spawn(move || stopped.recv().is_err()).unwrap();
    let timer = Timer::once(LONG, || ());
    timer.start().unwrap();
    let thread = Thread::spawn(move || {
        current().cancel();
        (joined.try_join().unwrap_err(), timer.try_join().unwrap_err())
    });
    let (joined, timer) = thread.unwrap().join().unwrap();
    drop(stop);
    assert!(joined.join().unwrap());
    assert!(timer.cancel());
    assert_eq!(timer.join().unwrap(), None);
}

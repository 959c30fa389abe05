//! Alarms that come into being when they are needed.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Duration;

use multiproc_sync::interrupt::{self, Alarm, masked};
use multiproc_sync::{Event, Mutex, Semaphore, WaitError};
use multiproc_testkit::Watchdog;
use multiproc_testkit::fork::{fork, reap};

thread_local! {
    static PREPARED: Cell<u32> = const { Cell::new(0) };
    static TO: Cell<Option<mpsc::Sender<Alarm>>> = const { Cell::new(None) };
}

fn count() {
    PREPARED.set(PREPARED.get() + 1);
}

/// As one who may raise it at any time.
fn raised() {
    count();
    Alarm::of_this_thread().raise();
}

/// Tells another thread.
fn told() {
    count();
    TO.take().unwrap().send(Alarm::of_this_thread()).unwrap();
}

const SHORT: Duration = Duration::from_millis(2);

#[test]
fn who_never_sleeps_is_never_asked() {
    Alarm::on_demand(raised, || {
        let event = Event::new();
        event.set();
        event.wait().unwrap();
        Semaphore::new(1).acquire().unwrap();
        *Mutex::new(0).lock().unwrap() += 1;
        assert_eq!(masked(|| Event::new().wait_timeout(SHORT)), Err(WaitError::TimedOut), "no alarm ends it");
    });
    assert_eq!(PREPARED.get(), 0);
    assert_eq!(Event::new().wait_timeout(SHORT), Err(WaitError::TimedOut), "it is over");
    assert!(!interrupt::is_possible());
}

#[test]
fn the_first_sleep_asks_and_no_other() {
    let _watchdog = Watchdog::with_limit(60);
    Alarm::on_demand(raised, || {
        let never = Event::new();
        assert_eq!(never.wait(), Err(WaitError::Interrupted));
        assert_eq!(never.wait(), Err(WaitError::Interrupted));
    });
    assert_eq!(PREPARED.get(), 1);
}

#[test]
fn who_asks_for_the_alarm_asks() {
    Alarm::on_demand(raised, || assert!(Alarm::of_this_thread().is_raised()));
    Alarm::of_this_thread().lower();
    Alarm::on_demand(count, || assert!(interrupt::is_possible()));
    assert_eq!(PREPARED.get(), 2);
}

#[test]
fn another_ends_the_first_sleep() {
    let _watchdog = Watchdog::with_limit(60);
    let (tell, alarms) = mpsc::channel();
    std::thread::scope(|scope| {
        let sleeper = scope.spawn(move || {
            TO.set(Some(tell));
            Alarm::on_demand(told, || Event::new().wait())
        });
        alarms.recv().unwrap().raise();
        assert_eq!(sleeper.join().unwrap(), Err(WaitError::Interrupted));
    });
}

#[test]
fn one_inside_another_asks_for_both() {
    Alarm::on_demand(raised, || {
        Alarm::on_demand(count, || {
            assert_eq!(PREPARED.get(), 1, "the outer one, before the inner one takes its place");
            assert_eq!(Event::new().wait(), Err(WaitError::Interrupted));
            assert_eq!(PREPARED.get(), 2);
        });
    });
}

#[test]
fn a_panic_ends_it() {
    let caught = catch_unwind(|| Alarm::on_demand(raised, || panic!("in the body")));
    assert!(caught.is_err());
    assert_eq!(Event::new().wait_timeout(SHORT), Err(WaitError::TimedOut));
    let in_it = catch_unwind(AssertUnwindSafe(|| {
        Alarm::on_demand(|| panic!("in it"), || Event::new().wait_timeout(SHORT))
    }));
    assert!(in_it.is_err(), "it comes out of the wait");
    assert_eq!(Event::new().wait_timeout(SHORT), Err(WaitError::TimedOut), "whose word is left alone");
}

/// The child's thread is the one that has forked.
#[test]
fn a_fork_goes_on_with_it() {
    let status = std::thread::spawn(|| {
        Alarm::on_demand(raised, || {
            reap(fork(|| {
                assert_eq!(Event::new().wait(), Err(WaitError::Interrupted));
                assert_eq!(PREPARED.get(), 1);
            }))
        })
    });
    assert_eq!(status.join().unwrap(), 0);
}

#[test]
fn where_thread_locals_are_gone_it_does_its_body() {
    struct Late(mpsc::Sender<Result<(), WaitError>>);
    impl Drop for Late {
        fn drop(&mut self) {
            let waited = Alarm::on_demand(count, || Event::new().wait_timeout(SHORT));
            self.0.send(waited).unwrap();
        }
    }
    thread_local!(static LATE: Cell<Option<Late>> = const { Cell::new(None) });
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || LATE.set(Some(Late(tell)))).join().unwrap();
    assert_eq!(told.recv().unwrap(), Err(WaitError::TimedOut));
}

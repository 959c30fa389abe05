//! Models of the event. `unsafe`: data that it announces are reached without a lock, which the model checker watches.
#![allow(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::primitive::model::{End, Family, check, check_deaths, shared, thread};
use crate::primitive::{AtomicU32, Deadline, UnsafeCell};
use crate::{Event, WaitError};

/// Data that are written before the event is set, and read after a wait.
struct News {
    event: Event,
    data: UnsafeCell<u32>,
}

// SAFETY: the event orders the accesses; the model checker fails the model if it does not.
unsafe impl Sync for News {}
// SAFETY: as above.
unsafe impl Send for News {}

impl News {
    fn new() -> Arc<Self> {
        Arc::new(Self { event: Event::new(), data: UnsafeCell::new(0) })
    }

    fn tell(&self) {
        // SAFETY: watched by the model checker.
        self.data.with_mut(|data| unsafe { *data = 7 });
        self.event.set();
    }

    fn read(&self) -> u32 {
        // SAFETY: watched by the model checker.
        self.data.with(|data| unsafe { *data })
    }
}

fn setter(event: &Arc<Event>) -> thread::JoinHandle<()> {
    let event = event.clone();
    thread::spawn(move || event.set())
}

#[test]
fn one_waits() {
    check(|| {
        let news = News::new();
        let theirs = news.clone();
        let teller = thread::spawn(move || theirs.tell());
        assert_eq!(news.event.wait(), Ok(()));
        assert_eq!(news.read(), 7);
        teller.join().unwrap();
        assert!(news.event.is_set());
    });
}

/// One call releases both.
#[test]
fn two_wait() {
    check(|| {
        let event = Arc::new(Event::new());
        let theirs = event.clone();
        let other = thread::spawn(move || theirs.wait());
        let setter = setter(&event);
        assert_eq!(event.wait(), Ok(()));
        assert_eq!(other.join().unwrap(), Ok(()));
        setter.join().unwrap();
    });
}

/// Whoever waits when it is set is released, though it is cleared before the waiter looks again.
#[test]
fn set_and_cleared_at_once() {
    check(|| {
        let news = News::new();
        let begun = news.event.begin();
        let theirs = news.clone();
        let teller = thread::spawn(move || {
            theirs.tell();
            theirs.event.clear();
        });
        assert_eq!(news.event.wait_since(begun, None), Ok(()));
        assert_eq!(news.read(), 7);
        teller.join().unwrap();
        assert!(!news.event.is_set());
    });
}

/// "Wait, clear, look for work": work that was there before `set` is found, or the event is set again.
#[test]
fn work_is_looked_for_after_clearing() {
    check(|| {
        let (event, work) = (Arc::new(Event::new()), Arc::new(AtomicU32::new(0)));
        event.set();
        let (theirs, their_work) = (event.clone(), work.clone());
        let worker = thread::spawn(move || {
            their_work.store(1, Relaxed);
            theirs.set();
        });
        assert_eq!(event.wait(), Ok(()));
        event.clear();
        if work.load(Relaxed) == 0 {
            assert_eq!(event.wait(), Ok(()));
            assert_eq!(work.load(Relaxed), 1, "set, and what was before is not seen");
        }
        worker.join().unwrap();
    });
}

/// One waits until its deadline while the event is set: it is released or late, and the other is released.
#[test]
fn one_gives_up() {
    check(|| {
        let (event, deadline) = (Arc::new(Event::new()), Deadline::new());
        let never = Arc::new(Event::new());
        let (theirs, until) = (never.clone(), deadline.clone());
        let late = thread::spawn(move || theirs.wait_deadline(until));
        let (theirs, until) = (event.clone(), deadline.clone());
        let maybe = thread::spawn(move || theirs.wait_deadline(until));
        let theirs = event.clone();
        let clock = thread::spawn(move || {
            deadline.pass();
            theirs.set();
        });
        assert_eq!(event.wait(), Ok(()));
        assert_eq!(late.join().unwrap(), Err(WaitError::TimedOut));
        assert!(matches!(maybe.join().unwrap(), Ok(()) | Err(WaitError::TimedOut)));
        clock.join().unwrap();
        assert!(!never.is_set());
    });
}

/// Who sets it dies at each step: it is set and the waiter woken, or another's `set` does both.
#[test]
fn setter_killed() {
    check_deaths(|k| {
        let (family, event) = (Family::new(), shared(Event::new()));
        let theirs = event.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.set());
        let theirs = event.clone();
        let waiter = family.process().spawn(move || theirs.wait());
        let end = victim.join();
        event.set();
        assert_eq!(waiter.join(), Ok(()));
        assert!(matches!(end, End::Killed | End::InOrder(())));
    });
}

/// Who sets and clears it dies at each step: who waited before is released by it, or by the next.
#[test]
fn setter_and_clearer_killed() {
    check_deaths(|k| {
        let (family, event) = (Family::new(), shared(Event::new()));
        let begun = event.begin();
        let theirs = event.clone();
        let victim = family.process().spawn_killed_at(k, move || {
            theirs.set();
            theirs.clear();
        });
        let waiting = event.clone();
        let waiter = family.process().spawn(move || waiting.wait_since(begun, None));
        if victim.join() == End::Killed {
            event.set();
        }
        assert_eq!(waiter.join(), Ok(()));
    });
}

/// A waiter dies at each of its steps: another is released all the same.
#[test]
fn waiter_killed() {
    check_deaths(|k| {
        let (family, event) = (Family::new(), shared(Event::new()));
        let theirs = event.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.wait());
        let setter = setter(&event);
        assert_eq!(event.wait(), Ok(()));
        setter.join().unwrap();
        victim.join();
    });
}

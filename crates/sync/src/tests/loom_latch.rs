//! Models of the latch. `unsafe`: data that it announces are reached without a lock, which the model checker watches.
#![allow(unsafe_code)]

use std::sync::Arc;

use crate::primitive::model::{Family, check, check_deaths, shared, thread};
use crate::primitive::{Deadline, UnsafeCell};
use crate::{ArriveError, CountError, Latch, WaitError};

/// Data that are written before the latch is counted down, one cell for each who counts, and read once it is open.
struct News {
    latch: Latch,
    data: [UnsafeCell<u32>; 2],
}

// SAFETY: the latch orders the accesses; the model checker fails the model if it does not.
unsafe impl Sync for News {}
// SAFETY: as above.
unsafe impl Send for News {}

impl News {
    fn new(count: u32) -> Arc<Self> {
        Arc::new(Self { latch: Latch::new(count), data: [UnsafeCell::new(0), UnsafeCell::new(0)] })
    }

    fn write(&self, cell: usize) {
        // SAFETY: watched by the model checker.
        self.data[cell].with_mut(|data| unsafe { *data = 7 });
    }

    fn tell(&self, cell: usize) {
        self.write(cell);
        assert_eq!(self.latch.count_down(1), Ok(()));
    }

    fn read(&self, cell: usize) -> u32 {
        // SAFETY: watched by the model checker.
        self.data[cell].with(|data| unsafe { *data })
    }
}

fn teller(news: &Arc<News>, cell: usize) -> thread::JoinHandle<()> {
    let news = news.clone();
    thread::spawn(move || news.tell(cell))
}

#[test]
fn one_waits() {
    check(|| {
        let news = News::new(1);
        let teller = teller(&news, 0);
        assert_eq!(news.latch.wait(), Ok(()));
        assert_eq!(news.read(0), 7);
        teller.join().unwrap();
    });
}

/// What each has done before it counted is seen, whoever comes last.
#[test]
fn one_waits_for_two() {
    check(|| {
        let news = News::new(2);
        let tellers = [teller(&news, 0), teller(&news, 1)];
        assert_eq!(news.latch.wait(), Ok(()));
        assert_eq!((news.read(0), news.read(1)), (7, 7));
        tellers.into_iter().for_each(|teller| teller.join().unwrap());
    });
}

#[test]
fn one_looks() {
    check(|| {
        let news = News::new(1);
        let teller = teller(&news, 0);
        let theirs = news.clone();
        let looker = thread::spawn(move || {
            if theirs.latch.is_open() {
                assert_eq!(theirs.read(0), 7);
                assert_eq!(theirs.latch.try_wait(), Ok(()));
            }
        });
        teller.join().unwrap();
        looker.join().unwrap();
    });
}

/// As [`one_looks`], but the kernel opens the latch, for one that sleeps, and its store orders nothing.
#[test]
fn one_looks_while_another_sleeps() {
    check(|| {
        let news = News::new(1);
        let theirs = news.clone();
        let sleeper = thread::spawn(move || theirs.latch.wait());
        let teller = teller(&news, 0);
        let theirs = news.clone();
        let looker = thread::spawn(move || {
            if theirs.latch.is_open() {
                assert_eq!(theirs.read(0), 7);
            }
        });
        assert_eq!(sleeper.join().unwrap(), Ok(()));
        teller.join().unwrap();
        looker.join().unwrap();
    });
}

/// One call releases both.
#[test]
fn two_wait() {
    check(|| {
        let news = News::new(1);
        let theirs = news.clone();
        let other = thread::spawn(move || theirs.latch.wait());
        let teller = teller(&news, 0);
        assert_eq!(news.latch.wait(), Ok(()));
        assert_eq!(other.join().unwrap(), Ok(()));
        teller.join().unwrap();
    });
}

#[test]
fn two_arrive() {
    check(|| {
        let news = News::new(2);
        let theirs = news.clone();
        let other = thread::spawn(move || {
            theirs.write(1);
            assert_eq!(theirs.latch.arrive_and_wait(), Ok(()));
            assert_eq!(theirs.read(0), 7);
        });
        news.write(0);
        assert_eq!(news.latch.arrive_and_wait(), Ok(()));
        assert_eq!(news.read(1), 7);
        other.join().unwrap();
    });
}

/// Of three that count one of two, one is told; of two that count both, too.
#[test]
fn three_are_too_many() {
    check(|| {
        let latch = Arc::new(Latch::new(2));
        let counter = |n| {
            let latch = latch.clone();
            thread::spawn(move || latch.count_down(n))
        };
        let others = [counter(1), counter(2)];
        let mine = latch.count_down(1);
        let [one, both] = others.map(|other| other.join().unwrap());
        let counted = [(mine, 1), (one, 1), (both, 2)];
        let sum: u32 = counted.iter().filter(|(counted, _)| counted.is_ok()).map(|(_, n)| n).sum();
        assert_eq!((sum, latch.remaining()), (2, 0), "a count too many was not seen");
        assert_eq!(latch.count_down(1), Err(CountError { counted: 1, remaining: 0 }));
    });
}

/// One waits until its deadline while the latch opens: it is released or late, and the other is released.
#[test]
fn one_gives_up() {
    check(|| {
        let (latch, deadline) = (Arc::new(Latch::new(1)), Deadline::new());
        let never = Arc::new(Latch::new(2));
        let (theirs, until) = (never.clone(), deadline.clone());
        let late = thread::spawn(move || theirs.arrive_and_wait_deadline(until));
        let (theirs, until) = (latch.clone(), deadline.clone());
        let maybe = thread::spawn(move || theirs.wait_deadline(until));
        let theirs = latch.clone();
        let clock = thread::spawn(move || {
            deadline.pass();
            theirs.count_down(1)
        });
        assert_eq!(latch.wait(), Ok(()));
        assert_eq!(late.join().unwrap(), Err(ArriveError::Wait(WaitError::TimedOut)));
        assert!(matches!(maybe.join().unwrap(), Ok(()) | Err(WaitError::TimedOut)));
        assert_eq!(clock.join().unwrap(), Ok(()));
        assert_eq!(never.remaining(), 1, "it has counted, though it gave up");
    });
}

/// Who opens it dies at each step: another counts in its place, or finds it open and wakes whom it has not woken.
#[test]
fn opener_killed() {
    check_deaths(|k| {
        let (family, latch) = (Family::new(), shared(Latch::new(1)));
        let theirs = latch.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.count_down(1));
        let theirs = latch.clone();
        let waiter = family.process().spawn(move || theirs.wait());
        victim.join();
        match latch.remaining() {
            0 => assert_eq!(latch.wait(), Ok(())),
            _ => assert_eq!(latch.count_down(1), Ok(())),
        }
        assert_eq!(waiter.join(), Ok(()));
    });
}

/// One of two that meet dies at each step, asleep or not: it has counted, or another counts in its place.
#[test]
fn party_killed() {
    check_deaths(|k| {
        let (family, latch) = (Family::new(), shared(Latch::new(2)));
        let theirs = latch.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.arrive_and_wait());
        let theirs = latch.clone();
        let waiter = family.process().spawn(move || theirs.wait());
        assert_eq!(latch.count_down(1), Ok(()));
        victim.join();
        match latch.remaining() {
            0 => assert_eq!(latch.wait(), Ok(())),
            left => assert_eq!((left, latch.count_down(1)), (1, Ok(()))),
        }
        assert_eq!(waiter.join(), Ok(()));
    });
}

/// A waiter dies at each of its steps: another is released all the same.
#[test]
fn waiter_killed() {
    check_deaths(|k| {
        let (family, latch) = (Family::new(), shared(Latch::new(1)));
        let theirs = latch.clone();
        let victim = family.process().spawn_killed_at(k, move || theirs.wait());
        let theirs = latch.clone();
        let opener = family.process().spawn(move || theirs.count_down(1));
        assert_eq!(latch.wait(), Ok(()));
        assert_eq!(opener.join(), Ok(()));
        victim.join();
    });
}

//! Models of what threads tell of their locks, and of the search for a circle in it. The locks themselves are left out: what is noted of
//! them is all that others see.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::deadlock::graph::circle;
use crate::primitive::AtomicU64;
use crate::primitive::model::{End, Family, check, check_deaths, thread};
use crate::watch::record::{Hold, Id, Record, Want};

/// The records of some threads, and their clock.
struct Board {
    records: Vec<Record>,
    clock: AtomicU64,
}

/// A board for so many threads, which have the locks of these numbers, each its own.
fn board(locks: impl IntoIterator<Item = Id>) -> Board {
    let records = locks.into_iter().enumerate().map(|(index, lock)| {
        let record = Record::default();
        record.begin(1, index as u32 + 1, 0);
        assert!(record.hold(hold(lock)));
        record
    });
    Board { records: records.collect(), clock: AtomicU64::new(1) }
}

fn hold(lock: Id) -> Hold {
    Hold { lock, begun: 0, site: 0, place: 0 }
}

impl Board {
    /// The thread with this record waits for a lock from now on.
    fn wait(&self, record: usize, lock: Id) {
        let since = self.clock.fetch_add(1, Relaxed);
        self.records[record].want(Want { lock, since, ..Want::default() });
    }

    /// The thread with this record waits no more.
    fn go_on(&self, record: usize) {
        self.records[record].want(Want::default());
    }

    /// How many threads are in the circle that is told to the one with this record.
    fn told(&self, record: usize) -> Option<usize> {
        let links = circle(&self.records[record], self.records.iter(), |_| false, |_| false)?;
        let wanted = links.iter().cycle().skip(1).take(links.len()).map(|link| link.has.lock);
        let wants = links.iter().map(|link| link.seen.want.lock);
        assert!(wants.eq(wanted), "each waits for what the next one has");
        Some(links.len())
    }
}

const A: Id = 1;
const B: Id = 2;
const C: Id = 3;

/// Two wait for each other: one of them is told, at once or at its next look.
#[test]
fn two_wait_for_each_other() {
    check(|| {
        let board = Arc::new(board([A, B]));
        let theirs = board.clone();
        let other = thread::spawn(move || {
            theirs.wait(1, A);
            theirs.told(1).is_some()
        });
        board.wait(0, B);
        let mine = board.told(0).is_some();
        let other = other.join().unwrap();
        let told = [mine || board.told(0).is_some(), other || board.told(1).is_some()];
        assert!(told != [false; 2], "nobody was told");
        assert!(told != [true; 2], "both were told");
    });
}

/// One gives its lock back and then waits for the other's: it never had the one while it waited for the other.
#[test]
fn one_gives_way_before_it_waits() {
    check(|| {
        let board = Arc::new(board([A, B]));
        let looks = looking(&board);
        assert!(board.records[1].release(B).is_some());
        board.wait(1, A);
        looks.join().unwrap();
    });
}

/// Of three, one gives up and lets go before the next one begins to wait: there was never a circle, though each part of one was there.
#[test]
fn parts_of_a_circle_at_different_times() {
    check(|| {
        let board = Arc::new(board([A, B, C]));
        board.wait(1, C);
        let looks = looking(&board);
        board.go_on(1);
        assert!(board.records[1].release(B).is_some());
        board.wait(2, A);
        looks.join().unwrap();
    });
}

/// The first one waits for B, and looks; it has only to wait. Its wait counts as the youngest, whatever comes first.
fn looking(board: &Arc<Board>) -> thread::JoinHandle<()> {
    board.records[0].want(Want { lock: B, since: 1000, ..Want::default() });
    let board = board.clone();
    thread::spawn(move || assert_eq!(board.told(0), None, "one was told that had only to wait"))
}

/// A thread is killed while it changes its record. Nobody hangs at what it has left, and the thread that gets the record next is seen.
#[test]
fn killed_while_it_changes_its_record() {
    check_deaths(|k| {
        let (family, board) = (Family::new(), Arc::new(board([A, B])));
        let theirs = board.clone();
        let victim = family.process().spawn_killed_at(k, move || {
            theirs.wait(1, A);
            theirs.go_on(1);
            theirs.records[1].release(B);
        });
        board.wait(0, B);
        let seen = board.told(0);
        assert!(seen.is_none_or(|threads| threads == 2));
        if victim.join() == End::Killed {
            let record = &board.records[1];
            record.begin(1, 7, 0);
            record.hold(hold(B));
            board.go_on(0);
            board.wait(1, A);
            board.wait(0, B);
            assert_eq!(board.told(0), Some(2), "a record is lost with its thread");
        }
    });
}

//! Readers and writers that wait for each other: one of them is told, and the others go on.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod circles;
mod common;

use circles::{Meeting, in_forks};
use common::share;
use multiproc_sync::deadlock::{Access, Report};
use multiproc_sync::{LockError, Mutex, RwLock, RwLockWriteGuard};
use multiproc_testkit::{Watchdog, eventually};

/// How each thread of a report uses what it has, and what it wants.
fn uses(report: &Report) -> Vec<[Access; 2]> {
    report.parties().iter().map(|party| [party.has.access, party.wants.access]).collect()
}

const READ: Access = Access::Read;
const WRITE: Access = Access::Exclusive;

#[test]
fn who_writes_what_it_reads_is_told_where_it_reads() {
    let placed = share(RwLock::new(0));
    for lock in [placed, &RwLock::new(0)] {
        let _reading = lock.read().unwrap();
        let Err(LockError::Deadlock(report)) = lock.write() else { panic!("it reads itself") };
        assert_eq!(uses(&report), [[READ, WRITE]]);
        let party = &report.parties()[0];
        let [has, wants] = [&party.has, &party.wants].map(|used| used.site.clone().unwrap());
        assert!(has.line + 1 == wants.line, "{report}");
    }
    let _writing = placed.write().unwrap();
    let Err(LockError::Deadlock(report)) = placed.read() else { panic!("it writes itself") };
    assert_eq!(uses(&report), [[WRITE, READ]]);
}

/// Each reads what the other wants to write.
#[test]
fn two_that_read_and_want_to_write() {
    let _watchdog = Watchdog::with_limit(60);
    let [first, second] = [share(RwLock::new(0)), share(RwLock::new(0))];
    let meeting = Meeting::of(2);
    let both = |ours: &RwLock<u32>, theirs: &RwLock<u32>| {
        let _reading = ours.read().unwrap();
        meeting.meet();
        if let Some(report) = meeting.note(theirs.write()) {
            assert_eq!(uses(&report), [[READ, WRITE]; 2]);
        }
    };
    in_forks([&|| both(first, second), &|| both(second, first)]);
    assert_eq!(meeting.told(), 1);
    assert!(first.try_write().is_ok() && second.try_write().is_ok());
}

/// Each writes what the other wants to read.
#[test]
fn two_that_write_and_want_to_read() {
    let _watchdog = Watchdog::with_limit(60);
    let [first, second] = [share(RwLock::new(0)), share(RwLock::new(0))];
    let meeting = Meeting::of(2);
    let both = |ours: &RwLock<u32>, theirs: &RwLock<u32>| {
        let _writing = ours.write().unwrap();
        meeting.meet();
        if let Some(report) = meeting.note(theirs.read()) {
            assert_eq!(uses(&report), [[WRITE, READ]; 2]);
        }
    };
    in_forks([&|| both(first, second), &|| both(second, first)]);
    assert_eq!(meeting.told(), 1);
}

/// A reader waits for a mutex whose owner waits to read, and is kept out by a writer that waits for the first.
#[test]
fn three_of_which_one_is_kept_out_by_one_that_waits() {
    let _watchdog = Watchdog::with_limit(60);
    let (lock, mutex) = (share(RwLock::new(0)), share(Mutex::new(0)));
    let meeting = Meeting::of(2);
    let reader = || {
        let _reading = lock.read().unwrap();
        meeting.meet();
        meeting.note(mutex.lock());
    };
    let owner = || {
        let _mutex = mutex.lock().unwrap();
        meeting.meet();
        eventually("a writer waits", || lock.has_writer());
        meeting.note(lock.read());
    };
    let writer = || {
        eventually("somebody reads", || lock.readers() == 1);
        meeting.note(lock.write());
    };
    in_forks([&reader, &owner, &writer]);
    assert_eq!(meeting.told(), 1);
    assert!(lock.try_write().is_ok());
}

/// Of many readers one is in a circle with the writer; the others only read on.
#[test]
fn one_of_many_readers_is_enough() {
    let _watchdog = Watchdog::with_limit(60);
    let (lock, mutex) = (share(RwLock::new(0)), share(Mutex::new(0)));
    let meeting = Meeting::of(3);
    let in_circle = || {
        let _reading = lock.read().unwrap();
        meeting.meet();
        meeting.note(mutex.lock());
    };
    let writer = || {
        let _mutex = mutex.lock().unwrap();
        meeting.meet();
        meeting.note(lock.write());
    };
    let beside = || {
        let _reading = lock.read().unwrap();
        meeting.meet();
        eventually("one is told", || meeting.told() == 1);
    };
    in_forks([&in_circle, &writer, &beside]);
    assert_eq!(meeting.told(), 1);
}

/// A writer that becomes a reader is waited for as one.
#[test]
fn one_that_was_a_writer() {
    let _watchdog = Watchdog::with_limit(60);
    let (lock, mutex) = (share(RwLock::new(0)), share(Mutex::new(0)));
    let meeting = Meeting::of(2);
    let downgraded = || {
        let _reading = RwLockWriteGuard::downgrade(lock.write().unwrap());
        assert!(lock.try_read().is_ok());
        meeting.meet();
        meeting.note(mutex.lock());
    };
    let writer = || {
        let _mutex = mutex.lock().unwrap();
        meeting.meet();
        meeting.note(lock.write());
    };
    in_forks([&downgraded, &writer]);
    assert_eq!(meeting.told(), 1);
    let _reading = lock.read().unwrap();
    assert!(lock.try_read().is_ok());
}

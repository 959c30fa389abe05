//! Circles through locks of every kind, and through threads that have much beside: one is told, and the others go on.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod circles;
mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

use circles::{Meeting, in_forks};
use common::{flag, share};
use multiproc_sync::deadlock::Access;
use multiproc_sync::{Mutex, Once, OnceError, ReentrantMutex, RwLock};
use multiproc_testkit::Watchdog;

/// Each calls the other in its initialiser.
fn cross(ours: &Once, theirs: &Once, meeting: Meeting, told: &AtomicU32) {
    let ended = ours.call_once(|| {
        meeting.meet();
        match theirs.call_once(|| {}) {
            Ok(()) => {}
            Err(OnceError::Deadlock) => _ = told.fetch_add(1, SeqCst),
            Err(other) => panic!("{other}"),
        }
    });
    assert_eq!(ended, Ok(()));
}

#[test]
fn two_initialisers_that_ask_for_each_other() {
    let _watchdog = Watchdog::with_limit(60);
    let (told, meeting, placed) = (flag(), Meeting::of(2), [share(Once::new()), share(Once::new())]);
    in_forks([&|| cross(placed[0], placed[1], meeting, told), &|| {
        cross(placed[1], placed[0], meeting, told);
    }]);
    assert_eq!(told.load(SeqCst), 1);
    let (told, meeting, own) = (flag(), Meeting::of(2), [Once::new(), Once::new()]);
    thread::scope(|scope| {
        scope.spawn(|| cross(&own[0], &own[1], meeting, told));
        scope.spawn(|| cross(&own[1], &own[0], meeting, told));
    });
    assert_eq!(told.load(SeqCst), 1);
    assert!(placed.into_iter().chain(&own).all(Once::is_completed));
}

/// A mutex, a reentrant one, one that is read and one that is written, over two processes: the fifth waits for a private lock that its
/// neighbour has, and that for one of the other process.
#[test]
fn five_threads_of_two_processes() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, reentrant) = (share(Mutex::new(0)), share(ReentrantMutex::new(0)));
    let (read, written) = (share(RwLock::new(0)), share(RwLock::new(0)));
    let meeting = Meeting::of(5);
    let longest = flag();
    let note = |report: Option<Box<multiproc_sync::deadlock::Report>>| {
        let Some(report) = report else { return };
        longest.store(report.parties().len() as u32, SeqCst);
        let reads = report.parties().iter().filter(|party| party.has.access == Access::Read).count();
        assert_eq!(reads, 1, "{report}");
    };
    let three = || {
        thread::scope(|scope| {
            scope.spawn(|| {
                let _has = mutex.lock().unwrap();
                meeting.meet();
                note(meeting.note(reentrant.lock()));
            });
            scope.spawn(|| {
                let _has = reentrant.lock().unwrap();
                meeting.meet();
                note(meeting.note(read.write()));
            });
            scope.spawn(|| {
                let _has = read.read().unwrap();
                meeting.meet();
                note(meeting.note(written.read()));
            });
        });
    };
    let two = || {
        let own = Mutex::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                let _has = written.write().unwrap();
                meeting.meet();
                note(meeting.note(own.lock()));
            });
            scope.spawn(|| {
                let _has = own.lock().unwrap();
                meeting.meet();
                note(meeting.note(mutex.lock()));
            });
        });
    };
    in_forks([&three, &two]);
    assert_eq!((meeting.told(), longest.load(SeqCst)), (1, 5));
    assert!(mutex.try_lock().is_ok() && reentrant.try_lock().is_ok());
    assert!(read.try_write().is_ok() && written.try_write().is_ok());
}

/// The lock in the circle is the last of those that are watched; and after it come some that are not, and go first.
#[test]
fn a_thread_that_has_many_locks() {
    const WATCHED: usize = 40;
    let _watchdog = Watchdog::with_limit(60);
    let others: Vec<Mutex<usize>> = (1..WATCHED).map(Mutex::new).collect();
    let [last, beyond, theirs] = [Mutex::new(0), Mutex::new(0), Mutex::new(0)];
    let meeting = Meeting::of(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _others: Vec<_> = others.iter().map(|lock| lock.lock().unwrap()).collect();
            let _last = last.lock().unwrap();
            drop(beyond.lock().unwrap());
            meeting.meet();
            meeting.note(theirs.lock());
        });
        scope.spawn(|| {
            let _theirs = theirs.lock().unwrap();
            meeting.meet();
            meeting.note(last.lock());
        });
    });
    assert_eq!(meeting.told(), 1);
}

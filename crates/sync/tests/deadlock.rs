//! Threads and processes that wait for each other's mutexes: one of them is told, and the others go on.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod circles;
mod common;

use std::panic::Location;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use circles::{Meeting, in_forks};
use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::deadlock::{Access, LockName, Report};
use multiproc_sync::{Condvar, LockError, MAX_NAME, Mutex, NameError, ReentrantMutex};
use multiproc_testkit::{Watchdog, eventually};

/// The line below that of the caller.
#[track_caller]
fn next_line() -> u32 {
    Location::caller().line() + 1
}

/// Lines of what each thread has and wants.
fn lines(report: &Report) -> Vec<[u32; 2]> {
    let line = |used: &multiproc_sync::deadlock::LockUse| {
        let site = used.site.as_ref().unwrap();
        assert!(site.file.ends_with(file!().rsplit('/').next().unwrap()), "{site}");
        site.line
    };
    report.parties().iter().map(|party| [line(&party.has), line(&party.wants)]).collect()
}

#[test]
fn a_thread_that_asks_for_its_own_lock_is_told_where_it_has_it() {
    let _watchdog = Watchdog::with_limit(60);
    let placed = share(Mutex::new(0));
    for mutex in [placed, &Mutex::new(0)] {
        let has = next_line();
        let _guard = mutex.lock().unwrap();
        let wants = next_line();
        let Err(LockError::Deadlock(report)) = mutex.lock() else { panic!("nobody else has it") };
        assert_eq!(lines(&report), [[has, wants]]);
        let [party] = report.parties() else { panic!("{report}") };
        assert_eq!((party.thread.pid, party.thread.tid), (std::process::id(), common::thread_id()));
        assert_eq!(party.has.lock, party.wants.lock);
    }
}

/// In a wait that would end by itself it waits for that.
#[test]
fn a_time_out_is_no_deadlock() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = Mutex::new(0);
    let _guard = mutex.lock().unwrap();
    assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)));
    assert!(matches!(mutex.lock_timeout(Duration::from_millis(300)), Err(LockError::TimedOut)));
}

/// `ours` first, then `theirs`.
fn take_both(ours: &Mutex<u32>, theirs: &Mutex<u32>, meeting: Meeting) -> Option<Box<Report>> {
    let _ours = ours.lock().unwrap();
    meeting.meet();
    meeting.note(theirs.lock())
}

fn ring<const N: usize>() {
    let locks: [_; N] = std::array::from_fn(|index| {
        let lock = share(Mutex::new(0));
        lock.set_name(&format!("lock {index} of {N}")).unwrap();
        lock
    });
    let meeting = Meeting::of(N as u32);
    let pids: [&AtomicU32; N] = std::array::from_fn(|_| flag());
    let one = |index: usize| {
        pids[index].store(std::process::id(), SeqCst);
        let name = format!("party {index}");
        let party = thread::Builder::new().name(name);
        let take = move || take_both(locks[index], locks[(index + 1) % N], meeting);
        let Some(report) = party.spawn(take).unwrap().join().unwrap() else { return };
        // The one that was told comes first, and each waits for what the next one has.
        for (step, party) in report.parties().iter().enumerate() {
            let at = (index + step) % N;
            assert_eq!(party.thread.pid, pids[at].load(SeqCst));
            assert_eq!(party.thread.name, Some(format!("party {at}")));
            assert_eq!(party.has.lock, LockName::Named(format!("lock {at} of {N}")));
            assert_eq!(party.wants.lock, LockName::Named(format!("lock {} of {N}", (at + 1) % N)));
            assert_eq!((party.has.access, party.wants.access), (Access::Exclusive, Access::Exclusive));
        }
        let [has, wants] = lines(&report)[0];
        assert_eq!((lines(&report), wants), (vec![[has, wants]; N], has + 2));
        let shown = report.to_string();
        assert!(shown.contains("`lock 0 of") && shown.contains("party 1") && shown.contains("deadlock.rs:"));
    };
    let bodies: [_; N] = std::array::from_fn(|index| move || one(index));
    in_forks(bodies.each_ref().map(|body| body as &dyn Fn()));
    assert_eq!(meeting.told(), 1, "one gives way, and the others go on");
    locks.iter().for_each(|lock| assert!(lock.try_lock().is_ok()));
}

#[test]
fn of_two_processes_one_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    ring::<2>();
}

#[test]
fn of_three_processes_one_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    ring::<3>();
}

/// A circle over two processes that goes through locks of one of them: the first thread there has a placed lock and waits for a
/// private one, the second has that and waits for the other process's.
#[test]
fn a_circle_goes_through_private_locks() {
    let _watchdog = Watchdog::with_limit(60);
    let [here, there] = [share(Mutex::new(0)), share(Mutex::new(0))];
    let meeting = Meeting::of(3);
    let other = || drop(take_both(there, here, meeting));
    let two_threads = || {
        let between = Mutex::new(0);
        thread::scope(|scope| {
            scope.spawn(|| take_both(here, &between, meeting));
            scope.spawn(|| take_both(&between, there, meeting));
        });
    };
    in_forks([&other, &two_threads]);
    assert_eq!(meeting.told(), 1);
}

#[test]
fn a_reentrant_mutex_is_waited_for_at_any_depth() {
    let _watchdog = Watchdog::with_limit(60);
    let [first, second] = [share(ReentrantMutex::new(0)), share(ReentrantMutex::new(0))];
    let meeting = Meeting::of(2);
    let take = |ours: &ReentrantMutex<u32>, theirs: &ReentrantMutex<u32>| {
        let outer = ours.lock().unwrap();
        let inner = ours.lock().unwrap();
        drop(outer);
        meeting.meet();
        if let Some(report) = meeting.note(theirs.lock()) {
            assert_eq!(report.parties().len(), 2);
        }
        drop(inner);
    };
    in_forks([&|| take(first, second), &|| take(second, first)]);
    assert_eq!(meeting.told(), 1);
}

/// After the notification, when the mutex is taken again. The place is that of the wait.
#[test]
fn a_wait_with_a_condition_may_close_a_circle() {
    let _watchdog = Watchdog::with_limit(60);
    let [kept, waited] = [Mutex::new(0), Mutex::new(0)];
    let (notified, condvar) = (Barrier::new(2), Condvar::new());
    let meeting = Meeting::of(2);
    let (here, reports) = thread::scope(|scope| {
        let waits = scope.spawn(|| {
            let _kept = kept.lock().unwrap();
            let guard = waited.lock().unwrap();
            notified.wait();
            let here = next_line();
            let again = condvar.wait(guard);
            (here, meeting.note(again))
        });
        let notifies = scope.spawn(|| {
            notified.wait();
            let _waited = waited.lock().unwrap(); // once the other one waits
            condvar.notify_all();
            meeting.note(kept.lock())
        });
        let (here, report) = waits.join().unwrap();
        (here, [report, notifies.join().unwrap()])
    });
    // Whichever of the two it is.
    let [report]: [_; 1] = reports.into_iter().flatten().collect::<Vec<_>>().try_into().unwrap();
    assert!(lines(&report).iter().any(|[_, wants]| *wants == here), "{report}");
}

/// What a dead process held and waited for says nothing any more.
#[test]
fn the_dead_are_in_no_circle() {
    let _watchdog = Watchdog::with_limit(60);
    let [first, second] = [share(Mutex::new(0)), share(Mutex::new(0))];
    let has_first = flag();
    let ours = second.lock().unwrap();
    let dies = fork(|| {
        let _first = first.lock().unwrap();
        has_first.store(1, SeqCst);
        drop(second.lock());
        idle();
    });
    eventually("it has the first lock", || has_first.load(SeqCst) == 1);
    kill(dies);
    assert!(matches!(first.lock(), Err(LockError::OwnerDied(_))));
    drop(ours);
    // And somebody else waits where it has waited.
    let waits = fork(|| drop(second.lock().unwrap()));
    assert_eq!(reap(waits), 0);
}

/// Before, while and after the other one looks who waits for whom. It is told, or gets the lock of the dead.
#[test]
fn whoever_is_killed_leaves_the_other_going_on() {
    let _watchdog = Watchdog::with_limit(120);
    for delay in (0..=240).step_by(20) {
        let locks = [share(Mutex::new(0)), share(Mutex::new(0))];
        let meeting = Meeting::of(2);
        let take = |[ours, theirs]: [&Mutex<u32>; 2]| {
            let guard = ours.lock().unwrap();
            meeting.meet();
            match theirs.lock() {
                Ok(_) | Err(LockError::OwnerDied(_) | LockError::Deadlock(_)) => {}
                Err(other) => panic!("{other}"),
            }
            drop(guard);
        };
        let [first, second] = locks;
        let dies = fork(|| take([first, second]));
        let stays = fork(|| take([second, first]));
        eventually("both have one", || meeting.all_have_come());
        thread::sleep(Duration::from_millis(delay));
        kill(dies);
        assert_eq!(reap(stays), 0, "killed after {delay} ms");
        for lap in 0..3 {
            locks.iter().for_each(|lock| match lock.lock_or_reset(|_| ()) {
                Ok(mut count) => *count += 1,
                Err(error) => panic!("lap {lap}: {error}"),
            });
        }
    }
}

/// More than are watched: nothing is told of what is not known, and what was noted is struck out again.
#[test]
fn many_locks_at_a_time_confuse_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let locks: Vec<Mutex<u32>> = (0..100).map(Mutex::new).collect();
    for _ in 0..3 {
        let guards: Vec<_> = locks.iter().map(|lock| lock.lock().unwrap()).collect();
        drop(guards);
    }
    let meeting = Meeting::of(2);
    thread::scope(|scope| {
        scope.spawn(|| take_both(&locks[98], &locks[99], meeting));
        scope.spawn(|| take_both(&locks[99], &locks[98], meeting));
    });
    assert_eq!(meeting.told(), 1);
}

#[test]
fn a_lock_has_one_name_and_keeps_it_where_it_is_placed() {
    let mutex = Mutex::new(0);
    assert_eq!(mutex.set_name(""), Err(NameError::Length(0)));
    assert_eq!(mutex.set_name(&"n".repeat(MAX_NAME + 1)), Err(NameError::Length(MAX_NAME + 1)));
    assert_eq!(mutex.set_name(&"n".repeat(MAX_NAME)), Ok(()));
    assert_eq!(mutex.set_name(&"n".repeat(MAX_NAME)), Ok(()));
    assert_eq!(mutex.set_name("another"), Err(NameError::AlreadyNamed));
    let placed = share(mutex);
    assert_eq!(placed.set_name("another"), Err(NameError::AlreadyNamed));
    let _guard = placed.lock().unwrap();
    let Err(LockError::Deadlock(report)) = placed.lock() else { panic!("nobody else has it") };
    assert_eq!(report.parties()[0].has.lock, LockName::Named("n".repeat(MAX_NAME)));
}

/// Taken before they had names, released after: what stayed noted would leave no room for what comes next.
#[test]
fn locks_that_are_named_while_they_are_held_are_struck_out() {
    let _watchdog = Watchdog::with_limit(60);
    for index in 0..100 {
        let lock = Mutex::new(index);
        let guard = lock.lock().unwrap();
        lock.set_name("named late").unwrap();
        drop(guard);
    }
    let lock = Mutex::new(0);
    let _guard = lock.lock().unwrap();
    assert!(matches!(lock.lock(), Err(LockError::Deadlock(_))));
}

//! Locks of one process are told apart, whatever lay at their addresses and whatever they are called.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks

mod circles;
mod common;

use std::mem;
use std::sync::Barrier;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use circles::{Meeting, in_forks};
use common::{flag, share};
use multiproc_sync::deadlock::LockName;
use multiproc_sync::{LockError, Mutex, RwLock};
use multiproc_testkit::{Watchdog, eventually};

/// Long enough for some looks at who waits for whom.
const LOOKS: Duration = Duration::from_millis(900);

/// A guard was forgotten, and its lock is gone. Who has forgotten it does not have the lock that came to lie there.
#[test]
fn a_forgotten_guard_is_not_one_of_the_next_lock_at_its_address() {
    let _watchdog = Watchdog::with_limit(60);
    let mut mutex = Mutex::new(0);
    let mut lock = RwLock::new(0);
    mem::forget(mutex.lock().unwrap());
    mem::forget(lock.read().unwrap());
    mutex = Mutex::new(0);
    lock = RwLock::new(0);
    let second = Mutex::new(0);
    for waits_for_reader in [false, true] {
        let (all_have_one, meeting) = (Barrier::new(3), Meeting::of(1));
        thread::scope(|scope| {
            scope.spawn(|| {
                let _work = (mutex.lock().unwrap(), lock.read().unwrap());
                all_have_one.wait();
                thread::sleep(LOOKS);
            });
            scope.spawn(|| {
                let _second = second.lock().unwrap();
                all_have_one.wait();
                meeting.meet();
                let told = match waits_for_reader {
                    false => meeting.note(mutex.lock()),
                    true => meeting.note(lock.write()),
                };
                assert_eq!(told, None);
            });
            all_have_one.wait();
            eventually("it begins to wait", || meeting.come() == 1);
            assert_eq!(meeting.note(second.lock()), None);
        });
    }
}

/// Both have it since before the fork, under one name; what the one does with its copy is nothing to the other.
#[test]
fn copies_of_a_named_lock_are_two_locks() {
    let _watchdog = Watchdog::with_limit(60);
    let placed = share(Mutex::new(0));
    let copied = Mutex::new(0);
    copied.set_name("of one process").unwrap();
    let (meeting, has_placed) = (Meeting::of(3), flag());
    let holds_one = || {
        let _one = copied.lock().unwrap();
        meeting.meet();
        eventually("the other process has it", || has_placed.load(SeqCst) == 1);
        assert_eq!(meeting.note(placed.lock()), None);
    };
    let waits_for_other = || {
        thread::scope(|scope| {
            scope.spawn(|| {
                let _other = copied.lock().unwrap();
                meeting.meet();
                thread::sleep(LOOKS);
            });
            scope.spawn(|| {
                let _placed = placed.lock().unwrap();
                has_placed.store(1, SeqCst);
                meeting.meet();
                assert_eq!(meeting.note(copied.lock()), None);
            });
        });
    };
    in_forks([&holds_one, &waits_for_other]);
}

/// It has got its name while one had it already, and before another asks for it.
#[test]
fn a_lock_that_is_named_while_it_is_held_is_the_same_lock() {
    let _watchdog = Watchdog::with_limit(60);
    let (late, other) = (Mutex::new(0), Mutex::new(0));
    let meeting = Meeting::of(2);
    let mut reports = thread::scope(|scope| {
        let has_late = scope.spawn(|| {
            let _late = late.lock().unwrap();
            late.set_name("named late").unwrap();
            meeting.meet();
            meeting.note(other.lock())
        });
        let has_other = scope.spawn(|| {
            let _other = other.lock().unwrap();
            meeting.meet();
            meeting.note(late.lock())
        });
        [has_late.join().unwrap(), has_other.join().unwrap()]
    });
    let Some(report) = reports.iter_mut().find_map(Option::take) else { panic!("nobody was told") };
    let locks: Vec<_> = report.parties().iter().map(|party| party.wants.lock.clone()).collect();
    let address = LockName::Address((&raw const other).addr() as u64);
    assert!(locks.contains(&LockName::Named("named late".into())) && locks.contains(&address), "{report}");
    assert!(report.parties().iter().all(|party| locks.contains(&party.has.lock)), "{report}");
}

/// Who has a lock in itself, as when its owner is moved with the guard forgotten, asks for it in vain.
#[test]
fn a_lock_that_was_moved_while_it_was_held_is_the_same_lock() {
    let _watchdog = Watchdog::with_limit(60);
    let first = Box::new(Mutex::new(0));
    mem::forget(first.lock().unwrap());
    let moved = Box::new(*first);
    assert!(matches!(moved.lock(), Err(LockError::Deadlock(_))));
}

//! What a shared value promises: changes that are whole, of threads and processes that die, panic, fork and forget in the middle of them.
//! `unsafe`: a fork in the middle of a closure.
#![allow(unsafe_code)]

mod common;

use std::collections::BTreeSet;
use std::fs::File;
use std::mem;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{fork, idle, kill, pack, reap, send, unpack};
use multiproc_shm::{Journaled, Shared, SharedValue, ShmError, ValueError};
use multiproc_sync::MAX_HELD;
use multiproc_sync::Mutex;
use multiproc_testkit::fork::exit;
use multiproc_testkit::{Watchdog, eventually};

const ROW: [u64; 20] = [7; 20];

fn is_whole(row: &[u64; 20]) -> bool {
    row.iter().all(|number| *number == row[0])
}

#[test]
fn calls_do_what_they_say() {
    let value = SharedValue::new(1_u32).unwrap();
    assert_eq!(value.get().unwrap(), 1);
    value.set(2).unwrap();
    assert_eq!(value.replace(3).unwrap(), 2);
    assert_eq!(value.update(|value| mem::replace(value, 4)).unwrap(), 3);
    let soon = Instant::now() + Duration::from_secs(60);
    assert_eq!(value.try_get().unwrap(), 4);
    value.try_set(5).unwrap();
    value.set_timeout(6, Duration::MAX).unwrap();
    value.set_deadline(7, soon).unwrap();
    assert_eq!(value.try_replace(8).unwrap(), 7);
    assert_eq!(value.replace_timeout(9, Duration::from_secs(60)).unwrap(), 8);
    assert_eq!(value.replace_deadline(10, soon).unwrap(), 9);
    value.try_update(|value| *value += 1).unwrap();
    value.update_timeout(Duration::from_secs(60), |value| *value += 1).unwrap();
    value.update_deadline(soon, |value| *value += 1).unwrap();
    assert_eq!(value.get_timeout(Duration::from_secs(60)).unwrap(), 13);
    assert_eq!(value.get_deadline(soon).unwrap(), 13);
    assert_eq!(format!("{value:?}"), "SharedValue(13)");
}

#[test]
fn no_form_with_an_end_waits_longer_and_none_of_them_changes_anything() {
    let _watchdog = Watchdog::with_limit(60);
    let value = SharedValue::new(1_u64).unwrap();
    let theirs = value.clone();
    value
        .update(|copy| {
            *copy = 2;
            let told = thread::spawn(move || {
                let (timeout, deadline) = (Duration::from_millis(1), Instant::now());
                assert_eq!(format!("{theirs:?}"), "SharedValue(<TimedOut>)");
                let mut called = false;
                let told = [
                    theirs.try_get().err(),
                    theirs.get_timeout(timeout).err(),
                    theirs.get_deadline(deadline).err(),
                    theirs.try_set(3).err(),
                    theirs.set_timeout(3, timeout).err(),
                    theirs.set_deadline(3, deadline).err(),
                    theirs.try_replace(3).err(),
                    theirs.replace_timeout(3, timeout).err(),
                    theirs.replace_deadline(3, deadline).err(),
                    theirs.try_update(|_| called = true).err(),
                    theirs.update_timeout(timeout, |_| called = true).err(),
                    theirs.update_deadline(deadline, |_| called = true).err(),
                ];
                assert!(!called, "a closure was called without the lock");
                told
            });
            let told = told.join().unwrap();
            assert!(told.iter().all(|error| matches!(error, Some(ValueError::TimedOut))), "{told:?}");
        })
        .unwrap();
    assert_eq!(value.get().unwrap(), 2);
}

#[test]
fn threads_and_processes_lose_no_change() {
    let _watchdog = Watchdog::with_limit(120);
    const CHANGES: u64 = 5000;
    let value = SharedValue::new(ROW).unwrap();
    let change = |value: &SharedValue<[u64; 20]>| {
        for _ in 0..CHANGES {
            value.update(|row| row.iter_mut().for_each(|number| *number += 1)).unwrap();
            assert!(is_whole(&value.get().unwrap()));
        }
    };
    let children = [(); 2].map(|()| fork(|| change(&value)));
    thread::scope(|scope| {
        scope.spawn(|| change(&value));
        scope.spawn(|| change(&value));
    });
    children.into_iter().for_each(|child| assert_eq!(reap(child), 0));
    assert_eq!(value.get().unwrap(), [7 + 4 * CHANGES; 20]);
}

#[test]
fn a_panic_goes_on_to_the_caller_and_leaves_the_old_value_to_all() {
    let value = SharedValue::new(ROW).unwrap();
    for _ in 0..3 {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            value.update(|row| {
                row[3] = 0;
                panic_any("its own");
            })
        }));
        assert_eq!(caught.unwrap_err().downcast_ref::<&str>(), Some(&"its own"));
        assert_eq!(value.try_get().unwrap(), ROW, "at once, and without a word");
    }
    value.update(|row| row[0] = 1).unwrap();
    assert_eq!(value.get().unwrap()[0], 1);
}

#[test]
fn a_death_leaves_the_old_value_or_the_new_one_and_is_nobodys_affair() {
    let _watchdog = Watchdog::with_limit(60);
    let value = SharedValue::new(ROW).unwrap();
    for lap in 1..=3 {
        let dies_in_it = fork(|| {
            value
                .update(|row| {
                    row[..10].fill(99);
                    exit(9);
                })
                .unwrap();
        });
        assert_eq!(libc::WEXITSTATUS(reap(dies_in_it)), 9);
        assert_eq!(value.get().unwrap(), [6 + lap; 20]);
        let dies_after_it = fork(|| {
            value.update(|row| *row = [7 + lap; 20]).unwrap();
            exit(9);
        });
        assert_eq!(libc::WEXITSTATUS(reap(dies_after_it)), 9);
        assert_eq!(value.get().unwrap(), [7 + lap; 20]);
    }
}

/// At any moment: every value that anybody finds is whole, and none is older than one that was seen before.
#[test]
fn kills_at_random_tear_nothing() {
    let _watchdog = Watchdog::with_limit(120);
    let value = SharedValue::new([0_u64; 20]).unwrap();
    let count = || {
        fork(|| {
            loop {
                value.update(|row| row.iter_mut().for_each(|number| *number += 1)).unwrap();
            }
        })
    };
    let (mut seen, mut last) = (BTreeSet::new(), 0);
    let mut counters = [count(), count()];
    for kills in 0..100 {
        eventually("they count", || value.get().unwrap()[0] > last);
        kill(mem::replace(&mut counters[kills % 2], count()));
        let row = value.get().unwrap();
        assert!(is_whole(&row), "torn: {row:?}");
        assert!(row[0] >= last, "{} after {last}", row[0]);
        last = row[0];
        seen.insert(last);
    }
    counters.into_iter().for_each(|counter| _ = kill(counter));
    assert!(seen.len() > 50, "they did count in between");
    assert!(is_whole(&value.get().unwrap()));
}

/// The closure forks: both processes come to its end, and only the one that has the lock stores what it has made.
#[test]
fn a_fork_in_the_closure_stores_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    let value = SharedValue::new(ROW).unwrap();
    let mut child = None;
    let stored = value.update(|row| {
        let before = std::process::id();
        child = fork_here();
        row.fill(if std::process::id() == before { 8 } else { 13 });
    });
    match child {
        Some(child) => {
            stored.unwrap();
            assert_eq!(reap(child), 0);
            assert_eq!(value.get().unwrap(), [8; 20]);
        }
        // The child ends here, whatever it finds.
        None => exit(match stored {
            Err(ValueError::NotHeld) if is_whole(&value.get().unwrap()) => 0,
            other => {
                eprintln!("in the fork: {other:?}");
                1
            }
        }),
    }
}

#[test]
fn a_closure_that_uses_its_own_value_is_told() {
    let value = SharedValue::new(1_u64).unwrap();
    let told = value.update(|copy| {
        *copy = 2;
        (value.get().err(), value.set(3).err(), value.update(|_| ()).err())
    });
    let (get, set, update) = told.unwrap();
    for error in [get, set, update] {
        assert!(matches!(error, Some(ValueError::Deadlock(_))), "{error:?}");
    }
    assert_eq!(value.get().unwrap(), 2);
}

#[test]
fn a_thread_that_can_lock_no_more_is_told_and_others_are_not() {
    let value = SharedValue::new(1_u64).unwrap();
    let locks: Vec<_> = (0..MAX_HELD).map(|_| Shared::new(Mutex::new(0_u64)).unwrap()).collect();
    let held: Vec<_> = locks.iter().map(|lock| lock.lock().unwrap()).collect();
    assert!(matches!(value.get(), Err(ValueError::TooManyHeld)));
    assert!(matches!(value.set(2), Err(ValueError::TooManyHeld)));
    thread::scope(|scope| scope.spawn(|| value.set(3).unwrap()).join().unwrap());
    drop(held);
    assert_eq!(value.get().unwrap(), 3);
}

#[test]
fn a_handle_goes_to_other_processes_and_threads() {
    let _watchdog = Watchdog::with_limit(60);
    let value = SharedValue::new(5_i32).unwrap();
    let sent = send(&value);
    let child = fork(|| sent.update(|value| *value += 1).unwrap());
    assert_eq!(reap(child), 0);
    let theirs = value.clone();
    thread::spawn(move || theirs.update(|value| *value += 1).unwrap()).join().unwrap();
    assert_eq!((value.get().unwrap(), sent.get().unwrap()), (7, 7));
    let as_another = unpack::<SharedValue<u32>>(pack(&value).unwrap()).unwrap_err();
    let told = as_another.downcast_ref::<ShmError>();
    assert!(matches!(told, Some(ShmError::LayoutMismatch { .. })), "{as_another}");
    assert!(postcard::to_stdvec(&value).is_err(), "in no message of ours");
}

#[test]
fn handles_that_are_forgotten_leaked_or_dropped_in_a_fork_do_no_harm() {
    let _watchdog = Watchdog::with_limit(60);
    let value = SharedValue::new(1_u64).unwrap();
    mem::forget(value.clone());
    let leaked: &'static SharedValue<u64> = Box::leak(Box::new(value.clone()));
    let theirs = value.clone();
    let child = fork(move || drop(theirs));
    assert_eq!(reap(child), 0);
    drop(value);
    assert_eq!(leaked.replace(2).unwrap(), 1);
}

#[test]
fn a_thread_that_ends_in_the_closure_leaves_the_old_value() {
    let value = SharedValue::new(1_u64).unwrap();
    for _ in 0..3 {
        let theirs = value.clone(); // moved there, and gone with it
        let ended = thread::spawn(move || theirs.update(|_| panic_any(7_u8))).join();
        assert_eq!(ended.unwrap_err().downcast_ref::<u8>(), Some(&7));
        assert_eq!(value.try_get().unwrap(), 1);
    }
}

/// Somebody of the family has gone wild in the value, and not in its lock: what is there is read as one copy or the other.
#[test]
fn whatever_bytes_lie_there_are_some_value() {
    let value = SharedValue::new([1_u64; 4]).unwrap();
    let parcel = pack(&value).unwrap();
    let file = File::from(parcel.fds[0].try_clone().unwrap());
    let len = size_of::<Journaled<[u64; 4]>>();
    let at = file.metadata().unwrap().len() - len as u64;
    for seed in 0..=255_u8 {
        let copies: [[u8; 32]; 2] = [[seed; 32], [!seed; 32]];
        let mut bytes = vec![seed; len - 64];
        bytes.extend(copies.concat());
        file.write_all_at(&bytes, at).unwrap();
        let counts = copies[usize::from(seed & 1)];
        assert_eq!(value.get().unwrap(), [u64::from_ne_bytes(counts[..8].try_into().unwrap()); 4]);
        value.set([u64::from(seed); 4]).unwrap();
        assert_eq!(value.get().unwrap(), [u64::from(seed); 4]);
    }
}

/// The one that has the lock is stopped, not dead: who waits with an end is told, who waits without gets it when it goes on.
#[test]
fn an_owner_that_sleeps_is_waited_for() {
    let _watchdog = Watchdog::with_limit(60);
    let value = SharedValue::new(1_u64).unwrap();
    let inside = Shared::new(AtomicU32::new(0)).unwrap();
    let child = fork(|| {
        value
            .update(|_| {
                inside.store(1, SeqCst);
                idle()
            })
            .unwrap();
    });
    eventually("it is inside", || inside.load(SeqCst) == 1);
    assert!(matches!(value.get_timeout(Duration::from_millis(20)), Err(ValueError::TimedOut)));
    kill(child);
    assert_eq!(value.get().unwrap(), 1);
}

/// A fork of this process that goes on in the middle of the caller's function: `None` in the child.
fn fork_here() -> Option<multiproc_testkit::fork::Fork> {
    // SAFETY: the child calls what is safe after a fork of a process whose other threads hold no lock that it takes, and exits.
    match unsafe { libc::fork() } {
        -1 => panic!("{}", std::io::Error::last_os_error()),
        0 => None,
        child => Some(multiproc_testkit::fork::Fork::adopt(child)),
    }
}

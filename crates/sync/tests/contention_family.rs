//! What is counted of named locks in shared memory: by all processes of a family, killed ones too.
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;

use std::sync::atomic::Ordering::SeqCst;

use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::contention::{self, Counts, LockReport};
use multiproc_sync::{LockError, Mutex, RwLock};
use multiproc_testkit::{Watchdog, eventually};

/// What is known of the locks of this name. The tests of this program share the tables, and have names of their own.
fn of(name: &str) -> LockReport {
    contention::report().lock(name).unwrap_or_else(|| panic!("nothing is known of {name}")).clone()
}

fn numbers(counts: &Counts) -> (u64, u64) {
    (counts.acquisitions, counts.holds.count())
}

/// Takes the lock so many times.
fn take(mutex: &Mutex<u64>, times: u64) {
    for _ in 0..times {
        *mutex.lock().unwrap() += 1;
    }
}

#[test]
fn counts_of_three_processes_are_one_sum_though_one_was_killed() {
    const TIMES: u64 = 2_000;
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0));
    mutex.set_name("family").unwrap();
    let (taken, dying) = (flag(), flag());
    let victim = fork(|| {
        take(mutex, TIMES);
        let _guard = mutex.lock().unwrap();
        dying.store(1, SeqCst);
        idle();
    });
    // Its last hold keeps the others out for as long as it lives.
    eventually("the victim has the lock", || dying.load(SeqCst) == 1);
    let others = [(); 2].map(|()| {
        fork(|| {
            taken.fetch_add(1, SeqCst);
            drop(mutex.lock_or_reset(|_| ()).unwrap());
            take(mutex, TIMES - 1);
        })
    });
    eventually("the others have begun", || taken.load(SeqCst) == 2);
    kill(victim);
    others.into_iter().for_each(|other| assert_eq!(reap(other), 0));
    let family = of("family");
    let counts = family.total();
    assert_eq!(numbers(&counts), (3 * TIMES + 1, 3 * TIMES), "the hold that was cut short is not over");
    assert_eq!(family.sites.len(), 3, "one place is one, whichever process was there: {family:?}");
    for histogram in [&counts.waits, &counts.holds] {
        assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), histogram.count());
    }
    assert_eq!(*mutex.lock().unwrap(), 3 * TIMES - 2);
}

#[test]
fn processes_that_are_killed_while_they_count_lose_a_step_at_the_most() {
    const VICTIMS: u64 = 12;
    let _watchdog = Watchdog::with_limit(60);
    let mutex = share(Mutex::new(0_u64));
    mutex.set_name("battered").unwrap();
    // The number under the lock is that of the acquisitions which have come so far; what a death cuts short is not in it.
    let increase = || match mutex.lock() {
        Ok(mut number) => *number += 1,
        Err(LockError::OwnerDied(mut number)) => {
            *number += 1;
            multiproc_sync::MutexGuard::mark_consistent(&mut number);
        }
        Err(error) => panic!("{error}"),
    };
    for _ in 0..VICTIMS {
        let rounds = flag();
        let victim = fork(|| {
            loop {
                increase();
                rounds.fetch_add(1, SeqCst);
            }
        });
        eventually("it is at work", || rounds.load(SeqCst) > 50);
        kill(victim);
    }
    increase();
    let number = *mutex.lock().unwrap() + 1;
    let counts = of("battered").total();
    // Killed between the count and the number, or between the number and the count of the hold.
    assert!((number..=number + VICTIMS).contains(&counts.acquisitions), "{number}: {counts:?}");
    assert!((number - VICTIMS..=counts.acquisitions).contains(&counts.holds.count()), "{number}: {counts:?}");
}

#[test]
fn a_lock_that_is_placed_keeps_its_name() {
    let before = Mutex::new(0);
    before.set_name("placed").unwrap();
    take(&before, 2);
    let mutex = share(before);
    take(mutex, 3);
    let child = fork(|| take(mutex, 4));
    assert_eq!(reap(child), 0);
    let placed = of("placed");
    assert_eq!((numbers(&placed.total()), placed.sites.len()), ((9, 9), 1));
    // And so does one whose name is given by another process.
    let lock = share(RwLock::<u64>::new(0));
    let child = fork(|| lock.set_name("named by a child").unwrap());
    assert_eq!(reap(child), 0);
    drop(lock.read().unwrap());
    assert_eq!(numbers(&of("named by a child").total()), (1, 1));
}

//! What is counted of named locks between threads, and where in the source.
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::thread_id;
use multiproc_sync::contention::{self, Access, Counts, LockReport, SiteReport};
use multiproc_sync::{
    Acquirable, Condvar, LockError, MAX_NAME, Mutex, NameError, ReentrantMutex, RwLock, RwLockWriteGuard,
};
use multiproc_testkit::{Watchdog, eventually, state_of};

/// A mutex of this name.
fn named(name: &str) -> Mutex<u64> {
    let mutex = Mutex::new(0);
    mutex.set_name(name).unwrap();
    mutex
}

/// What is known of the locks of this name. The tests of this program share the tables, and have names of their own.
fn of(name: &str) -> LockReport {
    contention::report().lock(name).unwrap_or_else(|| panic!("nothing is known of {name}")).clone()
}

/// Acquisitions, those that waited, and holds.
fn numbers(counts: &Counts) -> (u64, u64, u64) {
    (counts.acquisitions, counts.contended(), counts.holds.count())
}

/// Has `waiter` sleep for as long as a guard is held; gives how long it slept at the least, and the longest that it can have waited.
fn made_to_wait<G>(guard: G, waiter: impl FnOnce() + Send) -> (Duration, Duration) {
    let number = AtomicU32::new(0);
    let begun = Instant::now();
    thread::scope(|scope| {
        let waits = scope.spawn(|| {
            number.store(thread_id(), SeqCst);
            waiter();
            begun.elapsed()
        });
        let asleep = || number.load(SeqCst) != 0 && state_of(number.load(SeqCst)) == Some('S');
        eventually("it sleeps", asleep);
        let seen = Instant::now();
        thread::yield_now();
        let slept = seen.elapsed();
        drop(guard);
        (slept, waits.join().unwrap())
    })
}

#[test]
fn each_acquisition_and_each_hold_is_counted_at_its_place() {
    let mutex = named("places");
    for _ in 0..3 {
        *mutex.lock().unwrap() += 1;
    }
    let first = line!() - 2;
    drop(mutex.lock().unwrap());
    let held = mutex.lock().unwrap();
    let places = of("places");
    let mut lines: Vec<_> = places
        .sites
        .iter()
        .map(|row| {
            let site = row.site.as_ref().expect("there is room for it");
            assert_eq!(site.file, file!());
            assert_eq!(row.access, Access::Exclusive);
            (site.line - first, numbers(&row.counts))
        })
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, [(0, (3, 0, 3)), (3, (1, 0, 1)), (4, (1, 0, 0))], "a hold is counted when it is over");
    drop(held);
    assert_eq!(numbers(&of("places").total()), (5, 0, 5));
}

#[test]
fn a_wait_takes_as_long_as_it_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    let mutex = named("waited for");
    let begun = Instant::now();
    let (least, most) = made_to_wait(mutex.lock().unwrap(), || *mutex.lock().unwrap() += 1);
    let counts = of("waited for").total();
    assert_eq!(numbers(&counts), (2, 1, 2));
    assert!(counts.waits.total() >= least && counts.waits.total() <= most, "{least:?} {counts:?} {most:?}");
    assert!(counts.holds.total() >= least && counts.holds.total() <= begun.elapsed() * 2, "{counts:?}");
}

#[test]
fn who_gives_up_has_acquired_nothing_and_waits_no_longer() {
    let mutex = named("given up");
    let guard = mutex.lock().unwrap();
    thread::scope(|scope| {
        let tries = || {
            assert!(matches!(mutex.try_lock(), Err(LockError::TimedOut)));
            assert!(matches!(mutex.lock_timeout(Duration::from_millis(20)), Err(LockError::TimedOut)));
        };
        scope.spawn(tries).join().unwrap();
    });
    drop(guard);
    assert_eq!(numbers(&of("given up").total()), (1, 0, 1));
    // Of a thread that has given up, the next acquisition.
    let (other, guard) = (named("given up before"), mutex.lock().unwrap());
    thread::scope(|scope| {
        let tries = || {
            assert!(matches!(mutex.lock_timeout(Duration::from_millis(20)), Err(LockError::TimedOut)));
            drop(other.lock().unwrap());
        };
        scope.spawn(tries).join().unwrap();
    });
    drop(guard);
    assert_eq!(numbers(&of("given up before").total()), (1, 0, 1));
    drop(mutex.lock().unwrap());
    assert_eq!(numbers(&of("given up").total()), (3, 0, 3));
}

#[test]
fn many_threads_lose_no_count() {
    const THREADS: u64 = 4;
    const TIMES: u64 = 5_000;
    let _watchdog = Watchdog::with_limit(60);
    let mutex = named("many");
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..TIMES).for_each(|_| *mutex.lock().unwrap() += 1));
        }
    });
    let many = of("many");
    let counts = many.total();
    assert_eq!((many.sites.len(), counts.acquisitions), (1, THREADS * TIMES));
    assert_eq!(counts.holds.count(), THREADS * TIMES);
    for histogram in [&counts.waits, &counts.holds] {
        assert_eq!(histogram.buckets().map(|(_, count)| count).sum::<u64>(), histogram.count());
    }
    assert!(counts.contended() <= counts.acquisitions);
}

#[test]
fn locks_of_one_name_are_one_and_those_without_are_none() {
    let (locks, unnamed) = ([named("shards"), named("shards")], Mutex::new(0));
    for lock in locks.iter().chain([&unnamed]) {
        drop(lock.lock().unwrap());
    }
    let line = line!() - 2;
    let shards = of("shards");
    assert_eq!((shards.sites.len(), numbers(&shards.total())), (1, (2, 0, 2)));
    let here = |lock: &LockReport| {
        lock.sites.iter().any(|row| row.site.as_ref().is_some_and(|s| s.line == line && s.file == file!()))
    };
    assert_eq!(contention::report().locks.iter().filter(|lock| here(lock)).count(), 1);
}

/// The line of the only place that has taken a lock.
fn only_line(name: &str) -> u32 {
    let lock = of(name);
    assert_eq!(lock.sites.len(), 1, "{lock:?}");
    let site = lock.sites[0].site.as_ref().expect("there is room for it");
    assert_eq!(site.file, file!());
    site.line
}

/// Takes a lock as a caller that does not know its type.
#[track_caller]
fn through_a_function(lock: &impl Acquirable) {
    assert!(lock.try_with(|| ()).is_ok());
}

#[test]
fn every_way_to_take_a_mutex_tells_the_callers_line() {
    const LONG: Duration = Duration::from_secs(50);
    let take = |name: &str, take: &dyn Fn(&Mutex<u64>) -> u32| {
        let mutex = named(name);
        let line = take(&mutex);
        assert_eq!(only_line(name), line, "{name}");
    };
    take("lock", &|m| (drop(m.lock().unwrap()), line!()).1);
    take("try_lock", &|m| (drop(m.try_lock().unwrap()), line!()).1);
    take("lock_timeout", &|m| (drop(m.lock_timeout(LONG).unwrap()), line!()).1);
    take("lock_deadline", &|m| (drop(m.lock_deadline(Instant::now() + LONG).unwrap()), line!()).1);
    take("lock_or_reset", &|m| (drop(m.lock_or_reset(|n| *n = 0).unwrap()), line!()).1);
    take("guard", &|m| (drop(m.guard().unwrap()), line!()).1);
    take("guard_timeout", &|m| (drop(m.guard_timeout(LONG).unwrap()), line!()).1);
    take("with", &|m| (m.with(|| ()).unwrap(), line!()).1);
    take("try_with", &|m| (m.try_with(|| ()).unwrap(), line!()).1);
    take("with_timeout", &|m| (m.with_timeout(LONG, || ()).unwrap(), line!()).1);
    take("through a function", &|m| (through_a_function(m), line!()).1);
}

#[test]
fn a_wait_for_a_condition_is_two_holds_and_tells_its_line() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, condition) = (named("condition"), Condvar::new());
    let guard = mutex.lock().unwrap();
    let first = line!() - 1;
    let (guard, result) = condition.wait_timeout(guard, Duration::from_millis(1)).unwrap();
    assert!(result.timed_out());
    drop(guard);
    let lock = of("condition");
    let mut lines: Vec<_> = lock
        .sites
        .iter()
        .map(|row| (row.site.as_ref().unwrap().line - first, numbers(&row.counts)))
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, [(0, (1, 0, 1)), (2, (1, 0, 1))]);
    assert_eq!(lock.total().contended(), 0, "to wait for the condition is no wait for the lock");
}

#[test]
fn a_wait_for_a_notification_takes_the_lock_again_at_its_line() {
    let _watchdog = Watchdog::with_limit(60);
    let (mutex, condition) = (named("notified"), Condvar::new());
    thread::scope(|scope| {
        let guard = mutex.lock().unwrap();
        scope.spawn(|| {
            *mutex.lock().unwrap() = 1;
            condition.notify_all();
        });
        let before = line!();
        let mut guard = condition.wait_while(guard, |number| *number == 0).unwrap();
        *guard = 2;
        let notified = of("notified");
        let at = |row: &&SiteReport| row.site.as_ref().is_some_and(|site| site.line == before + 1);
        let again = notified.sites.iter().find(at).expect("the line of the wait");
        let (acquisitions, _, holds) = numbers(&again.counts);
        assert!(acquisitions == holds + 1, "the last one is not over: {again:?}");
        // One without the notification may have come in between.
        assert_eq!(notified.total().acquisitions, 2 + acquisitions);
    });
}

#[test]
fn of_a_reentrant_mutex_the_outermost_level_is_counted() {
    let mutex = ReentrantMutex::new(());
    mutex.set_name("levels").unwrap();
    let outer = mutex.lock().unwrap();
    let line = line!() - 1;
    for _ in 0..3 {
        drop((mutex.lock().unwrap(), mutex.try_lock().unwrap()));
    }
    assert_eq!(numbers(&of("levels").total()), (1, 0, 0));
    drop(outer);
    assert_eq!((only_line("levels"), numbers(&of("levels").total())), (line, (1, 0, 1)));
}

#[test]
fn readers_and_writers_are_counted_apart() {
    let lock = RwLock::<u64>::new(0);
    lock.set_name("table").unwrap();
    *lock.write().unwrap() += 1;
    for _ in 0..2 {
        assert_eq!(*lock.read().unwrap(), 1);
    }
    assert_eq!(*lock.try_read().unwrap(), 1);
    let table = of("table");
    assert_eq!(numbers(&table.total_of(Access::Exclusive)), (1, 0, 1));
    assert_eq!(numbers(&table.total_of(Access::Read)), (3, 0, 3));
    // A writer that goes on as a reader ends one hold and begins another.
    let reader = RwLockWriteGuard::downgrade(lock.write().unwrap());
    let table = of("table");
    assert_eq!(numbers(&table.total_of(Access::Exclusive)), (2, 0, 2));
    drop(reader);
    let readers = of("table").total_of(Access::Read);
    assert_eq!(readers.acquisitions, readers.holds.count());
}

#[test]
fn readers_wait_for_a_writer_and_writers_for_readers() {
    let _watchdog = Watchdog::with_limit(60);
    let lock = RwLock::<u64>::new(0);
    lock.set_name("two sides").unwrap();
    made_to_wait(lock.write().unwrap(), || drop(lock.read().unwrap()));
    let sides = of("two sides");
    assert_eq!(numbers(&sides.total_of(Access::Exclusive)), (1, 0, 1));
    assert_eq!(numbers(&sides.total_of(Access::Read)), (1, 1, 1));
    made_to_wait(lock.read().unwrap(), || drop(lock.write().unwrap()));
    let sides = of("two sides");
    assert_eq!(numbers(&sides.total_of(Access::Exclusive)), (2, 1, 2));
    assert_eq!(numbers(&sides.total_of(Access::Read)), (2, 1, 2));
}

#[test]
fn a_name_is_given_once_and_has_a_length() {
    let mutex = Mutex::new(());
    assert_eq!(mutex.set_name(""), Err(NameError::Length(0)));
    let long = "n".repeat(MAX_NAME + 1);
    assert_eq!(mutex.set_name(&long), Err(NameError::Length(MAX_NAME + 1)));
    mutex.set_name(&long[1..]).unwrap();
    assert_eq!(mutex.set_name(&long[1..]), Ok(()), "the same again");
    assert_eq!(mutex.set_name("another"), Err(NameError::AlreadyNamed));
    drop(mutex.lock().unwrap());
    assert_eq!(of(&long[1..]).total().acquisitions, 1);
}

#[test]
fn a_lock_that_is_named_while_it_is_held_counts_from_the_next_time() {
    let mutex = Mutex::new(());
    let guard = mutex.lock().unwrap();
    mutex.set_name("named late").unwrap();
    drop(guard);
    assert_eq!(contention::report().lock("named late"), None);
    drop(mutex.lock().unwrap());
    assert_eq!(numbers(&of("named late").total()), (1, 0, 1));
}

#[test]
fn to_read_again_is_the_same_hold_however_much_the_thread_has() {
    let lock = RwLock::new(0_u64);
    lock.set_name("read again").unwrap();
    let locks: Vec<_> = (0..45).map(|_| named("many at a time")).collect();
    let first = lock.read().unwrap();
    let second = lock.read().unwrap();
    let held: Vec<_> = locks.iter().map(|lock| lock.lock().unwrap()).collect();
    let third = lock.read().unwrap();
    assert_eq!(numbers(&of("read again").total()), (1, 0, 0));
    drop(held);
    let (acquisitions, _, holds) = numbers(&of("many at a time").total());
    assert_eq!((acquisitions, holds), (45, 38), "a thread has 40 holds that are counted at a time");
    drop((first, second, third));
    assert_eq!(numbers(&of("read again").total()), (1, 0, 1));
    drop(lock.read().unwrap());
    assert_eq!(numbers(&of("read again").total()), (2, 0, 2));
}

#[test]
fn a_lock_whose_owner_panics_counts_its_hold() {
    let mutex = named("panicked");
    thread::scope(|scope| {
        let panics = scope.spawn(|| {
            let _guard = mutex.lock().unwrap();
            panic!("with the lock held");
        });
        panics.join().unwrap_err();
    });
    assert_eq!(numbers(&of("panicked").total()), (1, 0, 1));
    assert!(matches!(mutex.lock(), Err(LockError::Poisoned(_))));
    assert_eq!(numbers(&of("panicked").total()), (2, 0, 2));
}

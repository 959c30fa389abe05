//! The semaphore whose permits have owners, between threads and between processes that live. `unsafe`: bytes are taken for values.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // counters beside the semaphore, not the semaphore

mod common;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{flag, fork, reap, share};
use multiproc_sync::shm_safe::ShmSafe;
use multiproc_sync::{AcquireError, MAX_ROBUST_PERMITS, RobustSemaphore};
use multiproc_testkit::{Watchdog, eventually, state_of};

fn both<const PERMITS: usize>() -> [&'static RobustSemaphore<PERMITS>; 2] {
    [Box::leak(Box::new(RobustSemaphore::new())), share(RobustSemaphore::new())]
}

/// Bytes of a damaged segment, whatever they are.
fn torn<const PERMITS: usize>(words: &[u64]) -> RobustSemaphore<PERMITS> {
    let mut value = RobustSemaphore::new();
    assert_eq!(size_of_val(&value), size_of_val(words));
    // SAFETY: as long as the value, and every bit pattern is one: `ShmSafe`.
    unsafe { (&raw mut value).cast::<u64>().copy_from_nonoverlapping(words.as_ptr(), words.len()) };
    value
}

#[test]
fn no_more_are_inside_than_there_are_permits() {
    let _watchdog = Watchdog::with_limit(60);
    for semaphore in both::<2>() {
        let inside = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2000 {
                        let permit = semaphore.permit().unwrap();
                        assert_eq!(permit.recovered_from(), None);
                        assert!(inside.fetch_add(1, SeqCst) < 2);
                        inside.fetch_sub(1, SeqCst);
                    }
                });
            }
        });
        assert_eq!(semaphore.available(), 2);
    }
}

#[test]
fn no_more_processes_are_inside_than_there_are_permits() {
    let _watchdog = Watchdog::with_limit(60);
    let (semaphore, inside) = (share(RobustSemaphore::<2>::new()), flag());
    let goes_in = || {
        for _ in 0..1000 {
            let _permit = semaphore.permit().unwrap();
            assert!(inside.fetch_add(1, SeqCst) < 2);
            inside.fetch_sub(1, SeqCst);
        }
    };
    let others = [(); 3].map(|()| fork(goes_in));
    goes_in();
    assert_eq!(others.map(reap), [0; 3]);
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn without_a_permit_it_is_refused_at_once_or_in_time() {
    let _watchdog = Watchdog::with_limit(60);
    for semaphore in both::<1>() {
        let permit = semaphore.try_permit().unwrap();
        let refused = Err(AcquireError::TimedOut);
        assert_eq!(semaphore.try_permit().map(drop), refused);
        let (begun, timeout) = (Instant::now(), Duration::from_millis(30));
        assert_eq!(semaphore.permit_timeout(timeout).map(drop), refused);
        assert!(begun.elapsed() >= timeout);
        assert_eq!(semaphore.permit_timeout(Duration::ZERO).map(drop), refused);
        assert_eq!(semaphore.permit_deadline(begun).map(drop), refused);
        drop(permit);
        assert!(semaphore.permit_deadline(begun).is_ok(), "what is free needs no time");
        assert!(semaphore.permit_timeout(Duration::MAX).is_ok(), "longer than a clock can say");
        // Who has waited in vain has left no trace that counts.
        assert_eq!(semaphore.available(), 1);
    }
}

#[test]
fn as_many_as_there_may_be_are_had_and_no_more() {
    let _watchdog = Watchdog::with_limit(60);
    for semaphore in both::<MAX_ROBUST_PERMITS>() {
        let permits: Vec<_> = (0..MAX_ROBUST_PERMITS).map(|_| semaphore.try_permit().unwrap()).collect();
        assert!(semaphore.try_permit().is_err());
        assert_eq!((semaphore.available(), semaphore.holders().count()), (0, MAX_ROBUST_PERMITS));
        drop(permits);
        assert_eq!((semaphore.available(), semaphore.bound()), (MAX_ROBUST_PERMITS, MAX_ROBUST_PERMITS));
    }
}

#[test]
fn a_number_of_permits_is_chosen_at_run_time() {
    for permits in [0, 5, usize::MAX] {
        let error = RobustSemaphore::<4>::with_permits(permits).unwrap_err();
        assert_eq!((error.permits, error.limit), (permits, 4));
        assert!(error.to_string().contains("1 to 4"), "{error}");
    }
    let semaphore = RobustSemaphore::<4>::with_permits(3).unwrap();
    assert_eq!((semaphore.available(), semaphore.bound()), (3, 3));
    // And stays so where it is placed.
    let semaphore = share(semaphore);
    let permits = [(); 3].map(|()| semaphore.try_permit().unwrap());
    assert!(semaphore.try_permit().is_err());
    drop(permits);
    assert_eq!(semaphore.available(), 3);
}

#[test]
fn who_sleeps_is_woken_by_a_release() {
    let _watchdog = Watchdog::with_limit(60);
    for semaphore in both::<2>() {
        for _ in 0..50 {
            let (first, second) = (semaphore.permit().unwrap(), semaphore.permit().unwrap());
            thread::scope(|scope| {
                let waiters = [(); 3].map(|()| scope.spawn(|| drop(semaphore.permit().unwrap())));
                thread::yield_now();
                drop(second);
                waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
            });
            drop(first);
        }
        assert_eq!(semaphore.available(), 2);
    }
}

#[test]
fn a_panic_releases_the_permit() {
    for semaphore in both::<1>() {
        thread::scope(|scope| {
            let dies = scope.spawn(|| {
                let _permit = semaphore.permit().unwrap();
                panic!("with the permit");
            });
            dies.join().unwrap_err();
        });
        assert_eq!(semaphore.available(), 1);
    }
}

#[test]
fn permits_are_released_in_any_order() {
    for semaphore in both::<3>() {
        let mut permits = [(); 3].map(|()| Some(semaphore.permit().unwrap()));
        for (place, left) in [(1, 1), (0, 2), (2, 3)] {
            permits[place] = None;
            assert_eq!(semaphore.available(), left);
        }
    }
}

#[test]
fn what_was_forgotten_is_free_where_it_is_placed() {
    let semaphore = Box::new(RobustSemaphore::<1>::new());
    std::mem::forget(semaphore.permit().unwrap());
    let moved = *semaphore;
    assert_eq!((moved.available(), moved.try_permit().map(drop)), (0, Err(AcquireError::TimedOut)));
    assert!(share(moved).try_permit().is_ok(), "nobody has its guard any more");
}

/// The heartbeat: a permit that was freed without a ring is found all the same.
#[test]
fn a_permit_whose_ring_never_came_is_found_by_the_heartbeat() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = share(RobustSemaphore::<1>::new());
    std::mem::forget(semaphore.permit().unwrap());
    let waiter = fork(|| drop(semaphore.permit().unwrap()));
    eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    // SAFETY: the permit is a word of 8 bytes, and every value of it is one.
    unsafe { AtomicU64::from_ptr(std::ptr::from_ref(semaphore).cast::<u64>().cast_mut().add(2)) }
        .store(0, SeqCst);
    assert_eq!(reap(waiter), 0);
}

/// Whatever bytes a damaged segment holds, operations on them end, and nothing panics.
#[test]
fn torn_bytes_are_a_semaphore() {
    let _watchdog = Watchdog::with_limit(60);
    common::found_family();
    let patterns =
        [0, 1, 1 << 16, 1 << 48 | 1 << 16, !0 >> 1, 1 << 63, 1 << 63 | 1, !0, 0x5555_5555_5555_5555];
    for head in [0, 1, 1 << 32, 1 << 63, !0] {
        for second in [0, 1 << 32, 2 << 32, !0] {
            for permit in patterns {
                let semaphore = torn::<2>(&[head, second, permit, 0]);
                let capacity = semaphore.bound();
                assert!(capacity <= 2 && semaphore.available() <= capacity);
                let shown = format!("{semaphore:?}");
                assert!(shown.starts_with("RobustSemaphore"), "{shown}");
                let permit = semaphore.permit_timeout(Duration::from_millis(1));
                assert_eq!(permit.is_ok(), capacity > 0, "one is free, if there is one");
                let other = semaphore.try_permit();
                assert!(other.is_err() || capacity == 2);
                drop((permit, other));
            }
        }
    }
}

/// Somebody overwrites a permit that is held: its guard leaves what it finds.
#[test]
fn a_permit_that_is_anothers_by_damage_is_left_alone() {
    let semaphore = share(RobustSemaphore::<1>::new());
    let permit = semaphore.permit().unwrap();
    // SAFETY: the permit is a word of 8 bytes, and every value of it is one.
    let word = unsafe { AtomicU64::from_ptr(std::ptr::from_ref(semaphore).cast::<u64>().cast_mut().add(2)) };
    word.store(77, SeqCst);
    drop(permit);
    assert_eq!((word.load(SeqCst), semaphore.available()), (77, 0));
}

#[test]
fn memory_of_zeros_has_all_permits_free() {
    let semaphore = torn::<2>(&[0; 4]);
    assert_eq!((semaphore.available(), semaphore.bound()), (2, 2));
    assert!(semaphore.try_permit().is_ok());
}

#[test]
fn it_is_shared_and_shown() {
    fn is_shared<T: Send + Sync + ShmSafe>(_: &T) -> usize {
        size_of::<T>()
    }
    for semaphore in both::<2>() {
        assert_eq!(is_shared(semaphore), 32);
        let permit = semaphore.permit().unwrap();
        let own = std::process::id();
        assert_eq!(
            format!("{semaphore:?}"),
            format!("RobustSemaphore {{ available: 1, holders: [process {own}], .. }}")
        );
        assert_eq!(format!("{permit:?}"), "RobustPermit { recovered_from: None, .. }");
    }
    assert_ne!(<RobustSemaphore<1>>::LAYOUT, <RobustSemaphore<2>>::LAYOUT);
    static GLOBAL: RobustSemaphore<1> = RobustSemaphore::new();
    assert!(GLOBAL.try_permit().is_ok());
}

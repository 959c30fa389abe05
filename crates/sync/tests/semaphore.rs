//! Semaphores between threads and between processes that end in every way.
#![allow(clippy::disallowed_types)] // counters beside the semaphore, not the semaphore

mod common;
mod torn;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{flag, fork, idle, kill, reap, share};
use multiproc_sync::shm_safe::{ShmPlain, ShmSafe};
use multiproc_sync::{BoundedSemaphore, MAX_PERMITS, Permit, Semaphore, WaitError};
use multiproc_testkit::{Watchdog, eventually, state_of};

#[test]
fn no_more_are_inside_than_there_are_permits() {
    let _watchdog = Watchdog::with_limit(60);
    let (semaphore, inside) = (Semaphore::new(2), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    let _permit = semaphore.permit().unwrap();
                    assert!(inside.fetch_add(1, SeqCst) < 2);
                    inside.fetch_sub(1, SeqCst);
                }
            });
        }
    });
    assert_eq!(semaphore.available(), 2);
}

#[test]
fn without_a_permit_it_is_refused_at_once_or_in_time() {
    let semaphore = Semaphore::new(1);
    assert_eq!(semaphore.try_acquire(), Ok(()));
    assert_eq!(semaphore.try_acquire(), Err(WaitError::TimedOut));
    assert!(semaphore.try_permit().is_err());
    let (begun, timeout) = (Instant::now(), Duration::from_millis(30));
    assert_eq!(semaphore.acquire_timeout(timeout), Err(WaitError::TimedOut));
    assert!(semaphore.permit_timeout(timeout).is_err());
    assert!(begun.elapsed() >= 2 * timeout);
    assert_eq!(semaphore.acquire_deadline(begun), Err(WaitError::TimedOut));
    assert!(semaphore.permit_deadline(begun).is_err());
    semaphore.release(1).unwrap();
    assert_eq!(semaphore.acquire_timeout(Duration::MAX), Ok(()), "longer than a clock can say");
    // Who has waited in vain has left no trace that counts.
    assert_eq!(semaphore.available(), 0);
}

/// As many go on as permits came, and the others wait.
#[test]
fn several_permits_at_once_let_as_many_go_on() {
    let _watchdog = Watchdog::with_limit(60);
    let (semaphore, through) = (Semaphore::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| {
                semaphore.acquire().unwrap();
                through.fetch_add(1, SeqCst);
            });
        }
        semaphore.release(3).unwrap();
        eventually("three are through", || through.load(SeqCst) == 3);
        assert_eq!(semaphore.available(), 0);
        semaphore.release(2).unwrap();
    });
    assert_eq!((through.load(SeqCst), semaphore.available()), (5, 0));
}

#[test]
fn what_one_makes_another_uses_in_another_process() {
    // Few: where other programs want the cores, a turn can take the time slices of two of them.
    const ROUNDS: u32 = 1000;
    let _watchdog = Watchdog::with_limit(60);
    let (to, fro): (&Semaphore, &Semaphore) = (share(Semaphore::new(0)), share(Semaphore::new(0)));
    let count = flag();
    let other = fork(|| {
        for _ in 0..ROUNDS {
            to.acquire().unwrap();
            count.store(count.load(SeqCst) + 1, SeqCst);
            fro.release(1).unwrap();
        }
    });
    for round in 0..ROUNDS {
        assert_eq!(count.load(SeqCst), round);
        to.release(1).unwrap();
        fro.acquire().unwrap();
    }
    assert_eq!(reap(other), 0);
    assert_eq!((to.available(), fro.available()), (0, 0));
}

#[test]
fn an_overflow_is_refused_and_changes_nothing() {
    let semaphore = Semaphore::new(MAX_PERMITS - 2);
    let error = semaphore.release(3).unwrap_err();
    assert_eq!((error.released, error.free, error.bound), (3, MAX_PERMITS - 2, MAX_PERMITS));
    assert!(error.to_string().contains("release each as often as it was acquired"), "{error}");
    assert!(semaphore.release(u32::MAX).is_err());
    assert_eq!(semaphore.available(), MAX_PERMITS - 2);
    semaphore.release(0).unwrap();
    semaphore.release(2).unwrap();
    assert_eq!(semaphore.available(), MAX_PERMITS);
    semaphore.release(0).unwrap();
    assert!(semaphore.release(1).is_err());
    // The highest count is no sleeper.
    assert_eq!(semaphore.acquire(), Ok(()));
    assert_eq!(semaphore.available(), MAX_PERMITS - 1);
}

#[test]
#[should_panic(expected = "2^31 - 1")]
fn more_permits_than_a_word_can_count_are_refused() {
    let _ = Semaphore::new(std::hint::black_box(MAX_PERMITS + 1));
}

#[test]
#[should_panic(expected = "2^31 - 1")]
fn more_permits_than_a_word_can_count_are_no_bound() {
    let _ = BoundedSemaphore::new(std::hint::black_box(MAX_PERMITS + 1));
}

#[test]
fn a_release_too_many_is_told_and_changes_nothing() {
    let semaphore = BoundedSemaphore::new(3);
    assert!(semaphore.release(1).is_err());
    (0..2).for_each(|_| semaphore.acquire().unwrap());
    let error = semaphore.release(3).unwrap_err();
    assert_eq!((error.released, error.free, error.bound), (3, 1, 3));
    assert_eq!(semaphore.available(), 1, "all or nothing");
    semaphore.release(2).unwrap();
    assert!(semaphore.release(u32::MAX).is_err());
    semaphore.release(0).unwrap();
    assert_eq!((semaphore.available(), semaphore.bound()), (3, 3));
}

/// Many release at once what was acquired once: as many are told as were too many.
#[test]
fn releases_too_many_at_once_are_all_told() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = BoundedSemaphore::new(8);
    for _ in 0..500 {
        (0..8).for_each(|_| semaphore.acquire().unwrap());
        let accepted = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let accepted_here = (0..4).filter(|_| semaphore.release(1).is_ok()).count();
                    accepted.fetch_add(accepted_here as u32, SeqCst);
                });
            }
        });
        assert_eq!((accepted.load(SeqCst), semaphore.available()), (8, 8));
    }
}

#[test]
fn a_bounded_one_waits_as_the_other() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore = BoundedSemaphore::new(1);
    let permit = semaphore.permit().unwrap();
    assert!(semaphore.try_permit().is_err());
    assert_eq!(semaphore.try_acquire(), Err(WaitError::TimedOut));
    let short = Duration::from_millis(5);
    assert_eq!(semaphore.acquire_timeout(short), Err(WaitError::TimedOut));
    assert!(semaphore.permit_timeout(short).is_err());
    assert!(semaphore.permit_deadline(Instant::now()).is_err());
    assert!(semaphore.acquire_deadline(Instant::now()).is_err());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| drop(semaphore.permit().unwrap()));
        drop(permit);
        waiter.join().unwrap();
    });
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn a_panic_releases_the_permit() {
    let semaphore = Semaphore::new(1);
    thread::scope(|scope| {
        let dies = scope.spawn(|| {
            let _permit = semaphore.permit().unwrap();
            panic!("with the permit");
        });
        dies.join().unwrap_err();
    });
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn a_forgotten_permit_is_one_that_somebody_has_to_release() {
    let semaphore = Box::new(BoundedSemaphore::new(1));
    std::mem::forget(semaphore.permit().unwrap());
    let moved = *semaphore;
    assert_eq!(moved.available(), 0);
    moved.release(1).unwrap();
    assert_eq!(moved.available(), 1);
}

/// Others have put back what the guard has: it finds no room, and changes nothing.
#[test]
fn a_permit_without_room_is_dropped_in_silence() {
    let semaphore = BoundedSemaphore::new(1);
    let permit = semaphore.permit().unwrap();
    semaphore.release(1).unwrap();
    drop(permit);
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn a_permit_in_a_fork_is_its_parents() {
    let semaphore: &Semaphore = share(Semaphore::new(2));
    let mut permit = Some(semaphore.permit().unwrap());
    let child = fork(|| {
        drop(permit.take());
        assert_eq!(semaphore.available(), 1, "it was the parent's");
        // But anybody may release, by saying so; and what it acquires itself is its own.
        drop(semaphore.permit().unwrap());
        assert_eq!(semaphore.available(), 1);
        semaphore.release(1).unwrap();
    });
    assert_eq!(reap(child), 0);
    assert_eq!(semaphore.available(), 2);
    drop(permit);
    assert_eq!(semaphore.available(), 3, "the parent's guard releases as ever");
}

/// What is lost with a process, and that somebody else may make up for it.
#[test]
fn permits_of_the_dead_are_lost_until_somebody_else_releases_them() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore: &BoundedSemaphore = share(BoundedSemaphore::new(1));
    let victim = fork(|| {
        let _permit = semaphore.permit().unwrap();
        idle();
    });
    eventually("it has the permit", || semaphore.available() == 0);
    kill(victim);
    assert_eq!(semaphore.acquire_timeout(Duration::from_millis(20)), Err(WaitError::TimedOut));
    semaphore.release(1).unwrap();
    assert_eq!(semaphore.acquire(), Ok(()));
}

#[test]
fn a_thread_that_ends_keeps_what_it_acquired() {
    let semaphore = Semaphore::new(1);
    thread::scope(|scope| scope.spawn(|| semaphore.acquire().unwrap()).join().unwrap());
    assert_eq!(semaphore.available(), 0);
}

/// A sleeper that is killed takes nothing along.
#[test]
fn a_killed_waiter_is_missed_by_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore: &Semaphore = share(Semaphore::new(0));
    let waits = || semaphore.acquire().unwrap();
    let (victim, survivor) = (fork(waits), fork(waits));
    for waiter in [&victim, &survivor] {
        eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    }
    kill(victim);
    semaphore.release(1).unwrap();
    assert_eq!(reap(survivor), 0);
    assert_eq!(semaphore.available(), 0);
}

/// Whatever bytes a damaged segment holds, operations on them end, and count on with what they find.
#[test]
fn torn_bytes_are_a_count() {
    let patterns = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff_u32];
    for word in patterns {
        for pace in patterns {
            let semaphore = torn::value::<Semaphore, 2>([word, pace]);
            let free = semaphore.available();
            let got = semaphore.acquire_timeout(Duration::from_millis(1)).is_ok();
            assert_eq!(got, free > 0, "{word:#x}");
            assert_eq!(semaphore.release(1).is_ok(), free < MAX_PERMITS || got);
            for bound in patterns {
                let semaphore = torn::value::<BoundedSemaphore, 3>([word, pace, bound]);
                let got = semaphore.acquire_timeout(Duration::from_millis(1)).is_ok();
                assert_eq!(got, free > 0);
                let free = semaphore.available();
                let accepted = semaphore.release(1).is_ok();
                assert_eq!(accepted, free < bound & MAX_PERMITS, "{word:#x} {bound:#x}");
                assert_eq!(semaphore.available(), free + u32::from(accepted));
            }
        }
    }
}

#[test]
fn it_is_small_shared_and_shown() {
    fn is_shared<T: Send + Sync + ShmSafe + ShmPlain>() -> usize {
        size_of::<T>()
    }
    assert_eq!((is_shared::<Semaphore>(), is_shared::<BoundedSemaphore>()), (8, 12));
    assert_ne!(Semaphore::LAYOUT, BoundedSemaphore::LAYOUT);
    let (semaphore, bounded) = (Semaphore::new(3), BoundedSemaphore::new(2));
    let permit: Permit<'_> = bounded.permit().unwrap();
    assert_eq!(format!("{semaphore:?}"), "Semaphore { available: 3, .. }");
    assert_eq!(
        format!("{bounded:?} {permit:?}"),
        "BoundedSemaphore { available: 1, bound: 2, .. } Permit { .. }"
    );
}

/// The heartbeat: permits that came without a wake-up are found all the same.
#[test]
fn a_permit_whose_wake_up_never_came_is_found_by_the_heartbeat() {
    let _watchdog = Watchdog::with_limit(60);
    let semaphore: &Semaphore = share(Semaphore::new(0));
    let waiter = fork(|| semaphore.acquire().unwrap());
    eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    torn::write(semaphore, 1);
    assert_eq!(reap(waiter), 0);
}

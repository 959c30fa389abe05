//! A latch between threads and between processes, and what could be done to it. `unsafe`: a handler of a signal, bytes of no latch.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // counts beside the latch, not the latch

mod common;

use std::mem;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{flag, fork, kill, map, reap, share};
use multiproc_sync::{ArriveError, CountError, Latch, Mutex, WaitError};
use multiproc_testkit::{Watchdog, eventually, state_of};

/// What was counted and what was left, of a refusal.
fn refused(result: Result<(), CountError>) -> Option<(u32, u32)> {
    result.err().map(|error| (error.counted, error.remaining))
}

#[test]
fn it_opens_at_zero_and_stays_open() {
    static LATCH: Latch = Latch::new(3);
    assert_eq!((LATCH.remaining(), LATCH.try_wait()), (3, Err(WaitError::TimedOut)));
    assert_eq!(LATCH.count_down(2), Ok(()));
    assert!(!LATCH.is_open());
    assert_eq!(format!("{LATCH:?}"), "Latch { remaining: 1, .. }");
    assert_eq!(LATCH.arrive_and_wait(), Ok(()));
    for _ in 0..3 {
        assert!(LATCH.is_open());
        assert_eq!((LATCH.wait(), LATCH.try_wait(), LATCH.remaining()), (Ok(()), Ok(()), 0));
        assert_eq!(refused(LATCH.count_down(1)), Some((1, 0)));
    }
}

#[test]
fn for_nobody_it_is_open_from_the_start() {
    let latch = Latch::new(0);
    assert!(latch.is_open());
    assert_eq!((latch.wait(), latch.count_down(0)), (Ok(()), Ok(())));
    assert!(matches!(latch.arrive_and_wait(), Err(ArriveError::TooMany(_))));
}

#[test]
fn a_count_too_many_changes_nothing() {
    let latch = Latch::new(3);
    for too_many in [4, Latch::MAX, Latch::MAX + 1, u32::MAX] {
        assert_eq!(refused(latch.count_down(too_many)), Some((too_many, 3)));
    }
    assert_eq!((latch.remaining(), latch.count_down(0)), (3, Ok(())));
    assert_eq!(latch.remaining(), 3);
    let error = latch.count_down(9).unwrap_err().to_string();
    assert!(error.contains("9 were counted down where 3 were left"), "{error}");
}

#[test]
fn it_counts_to_the_limit() {
    let latch = Latch::new(Latch::MAX);
    assert_eq!(latch.wait_timeout(Duration::from_millis(1)), Err(WaitError::TimedOut)); // leaves its bit
    assert_eq!(refused(latch.count_down(u32::MAX)), Some((u32::MAX, Latch::MAX)));
    assert_eq!((latch.count_down(Latch::MAX - 1), latch.remaining()), (Ok(()), 1));
    assert_eq!((latch.count_down(1), latch.is_open()), (Ok(()), true));
}

#[test]
#[should_panic(expected = "2^31 - 1")]
fn beyond_the_limit_it_is_not_made() {
    let _ = Latch::new(Latch::MAX + 1);
}

/// Of more than are wanted, as many count as are wanted, and each other one is told.
#[test]
fn of_many_that_count_too_often_the_rest_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    for count in [1, 5, 1000] {
        let latch = share(Latch::new(count));
        let told = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..count {
                        told.fetch_add(u32::from(latch.count_down(1).is_err()), Relaxed);
                    }
                });
            }
            assert_eq!(latch.wait(), Ok(()));
        });
        assert_eq!((told.load(Relaxed), latch.remaining()), (3 * count, 0));
    }
}

#[test]
fn a_wait_ends_at_its_deadline() {
    let timeout = Duration::from_millis(20);
    for latch in [&Latch::new(2), share(Latch::new(2))] {
        let begun = Instant::now();
        assert_eq!(latch.wait_timeout(timeout), Err(WaitError::TimedOut));
        assert!(begun.elapsed() >= timeout);
        assert_eq!(latch.wait_deadline(begun), Err(WaitError::TimedOut));
        let late = Err(ArriveError::Wait(WaitError::TimedOut));
        assert_eq!(latch.arrive_and_wait_deadline(begun), late);
        assert_eq!(latch.remaining(), 1, "who came too late to wait has counted");
        assert_eq!(latch.arrive_and_wait_timeout(Duration::MAX), Ok(()));
        assert_eq!((latch.wait_deadline(begun), latch.wait_timeout(Duration::MAX)), (Ok(()), Ok(())));
    }
}

/// All that each did before it counted is seen by all.
#[test]
fn threads_set_out_together() {
    const PARTIES: u32 = 8;
    let _watchdog = Watchdog::with_limit(60);
    for _ in 0..50 {
        let (latch, written) = (Latch::new(PARTIES), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..PARTIES {
                scope.spawn(|| {
                    written.fetch_add(1, Relaxed);
                    assert_eq!(latch.arrive_and_wait(), Ok(()));
                    assert_eq!(written.load(Relaxed), PARTIES);
                });
            }
        });
    }
}

#[test]
fn processes_set_out_together() {
    let _watchdog = Watchdog::with_limit(60);
    for _ in 0..20 {
        let (latch, written) = (share(Latch::new(4)), flag());
        let parties = [(); 4].map(|()| {
            fork(|| {
                written.fetch_add(1, Relaxed);
                assert_eq!(latch.arrive_and_wait(), Ok(()));
                assert_eq!(written.load(Relaxed), 4);
            })
        });
        assert_eq!(latch.wait(), Ok(()));
        assert_eq!(parties.map(reap), [0; 4]);
    }
}

/// One that dies before it counts is not known; somebody counts in its place.
#[test]
fn who_dies_before_counting_is_waited_for_until_another_counts() {
    let _watchdog = Watchdog::with_limit(60);
    let latch = share(Latch::new(2));
    kill(fork(|| common::idle()));
    assert_eq!(latch.count_down(1), Ok(()));
    assert_eq!(latch.wait_timeout(Duration::from_millis(20)), Err(WaitError::TimedOut));
    assert_eq!(latch.remaining(), 1);
    assert_eq!((latch.count_down(1), latch.wait()), (Ok(()), Ok(())));
}

#[test]
fn a_killed_waiter_is_missed_by_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let latch = share(Latch::new(2));
    let victim = fork(|| assert_eq!(latch.arrive_and_wait(), Ok(())));
    let survivor = fork(|| assert_eq!(latch.wait(), Ok(())));
    for waiter in [&victim, &survivor] {
        eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    }
    kill(victim);
    assert_eq!(latch.remaining(), 1, "it had arrived");
    assert_eq!(latch.count_down(1), Ok(()));
    assert_eq!(reap(survivor), 0);
}

/// As a process leaves it that dies between opening and waking: the heartbeat finds it open.
#[test]
fn an_opening_that_nobody_was_woken_for_is_found_by_the_heartbeat() {
    let _watchdog = Watchdog::with_limit(60);
    let latch = share(Latch::new(1));
    let sleeper = fork(|| assert_eq!(latch.wait(), Ok(())));
    eventually("it sleeps", || state_of(sleeper.pid()) == Some('S'));
    // SAFETY: the word is the latch's first field, and is written as by an exchange of another process.
    let word = unsafe { &*std::ptr::from_ref(latch).cast::<AtomicU32>() };
    word.fetch_sub(1, SeqCst);
    assert_eq!(reap(sleeper), 0);
}

/// A private latch in a fork is another one.
#[test]
fn a_fork_has_a_private_latch_of_its_own() {
    let _watchdog = Watchdog::with_limit(60);
    let latch = Latch::new(1);
    assert_eq!(reap(fork(|| assert_eq!(latch.count_down(1), Ok(())))), 0);
    assert_eq!(latch.remaining(), 1);
}

/// There is no guard: a thread that ends or panics has counted what it has counted.
#[test]
fn a_thread_that_panics_leaves_what_it_has_counted() {
    let latch = Latch::new(2);
    let ended = thread::scope(|scope| {
        let counts = || {
            latch.count_down(1).unwrap();
            panic!("halfway");
        };
        scope.spawn(counts).join()
    });
    assert!(ended.is_err());
    assert_eq!((latch.remaining(), latch.count_down(1)), (1, Ok(())));
}

#[test]
fn it_is_moved_and_leaked_as_any_value() {
    let mut latches = [Latch::new(1), Latch::new(2)];
    assert!(latches[0].wait_timeout(Duration::from_millis(1)).is_err()); // leaves its bit
    let [first, second] = &mut latches;
    mem::swap(first, second);
    assert_eq!(latches.each_ref().map(Latch::remaining), [2, 1]);
    assert_eq!(latches[1].count_down(1), Ok(()));
    let leaked: &Latch = Box::leak(Box::new(mem::replace(&mut latches[0], Latch::new(0))));
    assert_eq!((leaked.count_down(2), leaked.wait()), (Ok(()), Ok(())));
}

/// It has no mode and no owner, and so may lie in what a mutex in shared memory guards.
#[test]
fn it_lies_behind_a_mutex() {
    let _watchdog = Watchdog::with_limit(60);
    let latch = share(Mutex::new(Latch::new(1)));
    assert_eq!(reap(fork(|| latch.lock().unwrap().count_down(1).unwrap())), 0);
    assert!(latch.lock().unwrap().is_open());
}

/// Whatever bytes a process has left there: it counts down to zero and opens, and nothing wraps.
#[test]
fn any_bytes_are_a_latch() {
    let _watchdog = Watchdog::with_limit(60);
    for byte in [0x00, 0x01, 0x55, 0x7f, 0x80, 0xaa, 0xff_u8] {
        let memory = map(size_of::<Latch>()).cast::<Latch>();
        // SAFETY: fresh shared memory that nobody else knows, never unmapped; any bytes are a latch.
        let latch = unsafe {
            memory.write_bytes(byte, 1);
            memory.as_ref()
        };
        let left = latch.remaining();
        assert_eq!(latch.wait_timeout(Duration::from_millis(1)).is_ok(), left == 0);
        assert!(refused(latch.count_down(u32::MAX)).is_some());
        assert_eq!((latch.remaining(), latch.count_down(left)), (left, Ok(())));
        assert_eq!((latch.wait(), latch.is_open()), (Ok(()), true));
        assert_eq!(refused(latch.count_down(1)), Some((1, 0)));
    }
}

static FROM_A_HANDLER: [Latch; ROUNDS] = [const { Latch::new(1) }; ROUNDS];
static CAME: AtomicU32 = AtomicU32::new(0);
const ROUNDS: usize = 50;

extern "C" fn open_the_next(_: i32) {
    let latch = FROM_A_HANDLER.iter().find(|latch| !latch.is_open());
    if latch.is_some_and(|latch| latch.count_down(1).is_ok()) {
        CAME.fetch_add(1, SeqCst);
    }
}

/// The thread that waits for it opens it itself, wherever in its wait the signal comes.
#[test]
fn it_is_opened_in_a_handler_of_the_thread_that_waits() {
    let _watchdog = Watchdog::with_limit(60);
    // SAFETY: the structure is complete; the handler opens a latch and counts.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = open_the_next as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
    }
    for (round, latch) in (1..).zip(&FROM_A_HANDLER) {
        let thread = AtomicU64::new(0);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                // SAFETY: cannot fail.
                thread.store(unsafe { libc::pthread_self() }, SeqCst);
                latch.wait()
            });
            eventually("the thread runs", || thread.load(SeqCst) != 0);
            // SAFETY: a thread that is not joined yet, and waits for what the handler does.
            unsafe { libc::pthread_kill(thread.load(SeqCst), libc::SIGUSR1) };
            assert_eq!(waiter.join().unwrap(), Ok(()));
        });
        eventually("the handler is through", || CAME.load(SeqCst) == round);
    }
}

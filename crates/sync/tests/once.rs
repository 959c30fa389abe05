//! What is done once, between threads and between processes, and what could be done to it. `unsafe`: ends threads behind the
//! runtime's back, forks in an initialiser, bytes of nothing.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // counters beside it, not the thing itself

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{Fork, flag, fork, found_family, idle, kill, map, reap, share};
use multiproc_sync::shm_safe::{Placement, ShmSafe};
use multiproc_sync::{MAX_HELD, Mutex, Once, OnceError, WaitError, registry};
use multiproc_testkit::{Watchdog, eventually, state_of};

fn range<T>(value: &T) -> std::ops::Range<usize> {
    let start = std::ptr::from_ref(value) as usize;
    start..start + size_of::<T>()
}

/// One in private memory, and one in shared.
fn both() -> [&'static Once; 2] {
    [Box::leak(Box::new(Once::new())), share(Once::new())]
}

fn never() {
    panic!("it is done already")
}

#[test]
fn it_is_done_once() {
    for once in both() {
        assert!(!once.is_completed());
        assert_eq!(once.try_wait(), Err(WaitError::TimedOut));
        assert_eq!(format!("{once:?}"), "Once { is_completed: false, .. }");
        let mut runs = 0;
        assert_eq!(once.call_once(|| runs += 1), Ok(()));
        assert_eq!(runs, 1);
        assert!(once.is_completed());
        assert_eq!(once.call_once(never), Ok(()));
        assert_eq!(once.try_call_once(never), Ok(()));
        assert_eq!(once.call_once_timeout(Duration::ZERO, never), Ok(()));
        assert_eq!(once.call_once_timeout(Duration::MAX, never), Ok(()));
        assert_eq!(once.call_once_deadline(Instant::now(), never), Ok(()));
        assert_eq!((once.wait(), once.try_wait()), (Ok(()), Ok(())));
        assert_eq!(once.wait_timeout(Duration::ZERO), Ok(()));
        assert_eq!(once.wait_deadline(Instant::now()), Ok(()));
    }
}

#[test]
fn many_threads_do_it_once() {
    let _watchdog = Watchdog::with_limit(60);
    for _ in 0..100 {
        for once in both() {
            let (together, runs) = (Barrier::new(8), AtomicU32::new(0));
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        together.wait();
                        once.call_once(|| _ = runs.fetch_add(1, SeqCst)).unwrap();
                        assert_eq!(runs.load(SeqCst), 1, "done, and seen");
                    });
                }
            });
        }
    }
}

#[test]
fn processes_do_it_once() {
    let _watchdog = Watchdog::with_limit(60);
    for _ in 0..30 {
        let (once, come, runs) = (share(Once::new()), flag(), flag());
        let call = || {
            come.fetch_add(1, SeqCst);
            eventually("all are there", || come.load(SeqCst) == 3);
            once.call_once(|| _ = runs.fetch_add(1, SeqCst)).unwrap();
            assert_eq!(runs.load(SeqCst), 1);
        };
        let others = [fork(call), fork(call)];
        call();
        assert_eq!(others.map(reap), [0; 2]);
    }
}

#[test]
fn a_panic_counts_for_nothing() {
    let _watchdog = Watchdog::with_limit(60);
    for once in both() {
        for _ in 0..3 {
            let panics = || once.call_once(|| panic!("on purpose"));
            assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
            assert!(!once.is_completed());
            assert!(!registry::holds_within(&range(once)));
        }
        // Not only for the thread that panicked.
        let mut done = false;
        thread::scope(|scope| scope.spawn(|| once.call_once(|| done = true)).join().unwrap()).unwrap();
        assert!(done);
    }
}

/// Those who wait when an initialiser panics do it among themselves.
#[test]
fn who_waits_for_one_that_panics_does_it() {
    let _watchdog = Watchdog::with_limit(60);
    for once in both() {
        let (begun, runs, waiters) = (AtomicU32::new(0), AtomicU32::new(0), [const { AtomicU32::new(0) }; 3]);
        thread::scope(|scope| {
            let panics = scope.spawn(|| {
                once.call_once(|| {
                    begun.store(1, SeqCst);
                    let sleeps = |waiter: &AtomicU32| state_of(waiter.load(SeqCst)) == Some('S');
                    eventually("the others sleep", || waiters.iter().all(sleeps));
                    panic!("on purpose");
                })
            });
            eventually("it has begun", || begun.load(SeqCst) == 1);
            let waits = waiters.each_ref().map(|waiter| {
                let call = || {
                    // SAFETY: cannot fail.
                    waiter.store(unsafe { libc::gettid() } as u32, SeqCst);
                    once.call_once(|| _ = runs.fetch_add(1, SeqCst))
                };
                scope.spawn(call)
            });
            assert!(waits.into_iter().all(|waits| waits.join().unwrap().is_ok()));
            assert!(panics.join().is_err());
        });
        assert_eq!(runs.load(SeqCst), 1);
    }
}

#[test]
fn an_initialiser_that_calls_in_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    for once in both() {
        let inner = once.call_once(|| {
            assert_eq!(once.call_once(|| ()), Err(OnceError::Deadlock));
            assert_eq!(once.try_call_once(|| ()), Err(OnceError::Deadlock));
            assert_eq!(once.call_once_timeout(Duration::MAX, || ()), Err(OnceError::Deadlock));
            // Another is no business of this one.
            assert_eq!(Once::new().call_once(|| ()), Ok(()));
        });
        assert_eq!(inner, Ok(()));
        assert!(once.is_completed());
    }
}

#[test]
fn a_wait_ends_at_its_deadline() {
    let _watchdog = Watchdog::with_limit(60);
    let timeout = Duration::from_millis(20);
    for once in both() {
        let begun = Instant::now();
        assert_eq!(once.wait_timeout(timeout), Err(WaitError::TimedOut));
        assert_eq!(once.wait_deadline(begun), Err(WaitError::TimedOut));
        once.call_once(|| {
            thread::scope(|scope| {
                let others = scope.spawn(|| {
                    assert_eq!(once.try_call_once(never), Err(OnceError::TimedOut));
                    assert_eq!(once.call_once_timeout(timeout, never), Err(OnceError::TimedOut));
                    assert_eq!(once.call_once_deadline(begun, never), Err(OnceError::TimedOut));
                });
                others.join().unwrap();
            });
        })
        .unwrap();
        assert!(begun.elapsed() >= 2 * timeout);
    }
}

#[test]
fn all_who_wait_are_released() {
    let _watchdog = Watchdog::with_limit(60);
    for once in both() {
        thread::scope(|scope| {
            let waiters = [(); 8].map(|()| scope.spawn(|| once.wait()));
            once.call_once(|| ()).unwrap();
            assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap().is_ok()));
        });
    }
}

/// The next one runs its own, when the whole process is gone: asleep in it by then, or coming later.
#[test]
fn a_killed_initialiser_is_followed_by_the_next() {
    let _watchdog = Watchdog::with_limit(60);
    let (once, begun, runs) = (share(Once::new()), flag(), flag());
    let waits = fork(|| assert_eq!(once.wait(), Ok(())));
    let victim = fork(|| {
        let _ = once.call_once(|| {
            begun.store(1, SeqCst);
            idle();
        });
    });
    eventually("it has begun", || begun.load(SeqCst) == 1);
    assert_eq!(once.try_call_once(never), Err(OnceError::TimedOut));
    let sleeps = fork(|| once.call_once(|| _ = runs.fetch_add(1, SeqCst)).unwrap());
    eventually("they sleep", || [&waits, &sleeps].iter().all(|fork| state_of(fork.pid()) == Some('S')));
    kill(victim);
    once.call_once(|| _ = runs.fetch_add(1, SeqCst)).unwrap();
    assert_eq!([waits, sleeps].map(reap), [0; 2]);
    assert_eq!(runs.load(SeqCst), 1);
}

#[test]
fn a_killed_waiter_is_missed_by_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let (once, begun, go_on) = (share(Once::new()), flag(), flag());
    let initialises = fork(|| {
        let initialise = || {
            begun.store(1, SeqCst);
            eventually("it may go on", || go_on.load(SeqCst) == 1);
        };
        once.call_once(initialise).unwrap();
    });
    eventually("it has begun", || begun.load(SeqCst) == 1);
    let call = || once.call_once(never).unwrap();
    let (victims, others) = ([fork(call), fork(|| once.wait().unwrap())], [fork(call), fork(call)]);
    eventually("they sleep", || victims.iter().chain(&others).all(|fork| state_of(fork.pid()) == Some('S')));
    victims.into_iter().for_each(|victim| _ = kill(victim));
    go_on.store(1, SeqCst);
    assert_eq!(others.map(reap), [0; 2]);
    assert_eq!(reap(initialises), 0);
}

/// A thread that ends inside its initialiser has left it to nobody, as long as its process lives.
#[test]
fn an_initialiser_whose_thread_ends_is_followed_once_its_process_has_ended() {
    let _watchdog = Watchdog::with_limit(60);
    let (once, begun) = (share(Once::new()), flag());
    let owner = fork(|| {
        thread::spawn(|| {
            once.call_once(|| {
                begun.store(1, SeqCst);
                // SAFETY: ends the thread alone, past the runtime: its destructors do not run, and nothing of it is joined.
                unsafe { libc::syscall(libc::SYS_exit, 0) };
            })
        });
        idle();
    });
    eventually("it has begun", || begun.load(SeqCst) == 1);
    assert_eq!(once.call_once(never), Err(OnceError::OwnerLeft));
    kill(owner);
    assert_eq!(once.call_once(|| ()), Ok(()));
}

/// In an initialiser that forks there are two of them then: the parent's counts.
#[test]
fn a_fork_in_an_initialiser_of_a_shared_one_is_not_it() {
    let _watchdog = Watchdog::with_limit(60);
    let (once, runs) = (share(Once::new()), flag());
    let (mut child, parent) = (0, std::process::id());
    let called = catch_unwind(AssertUnwindSafe(|| {
        once.call_once(|| {
            // SAFETY: the child ends below, without returning to the harness.
            child = unsafe { libc::fork() };
            if child != 0 {
                assert_eq!(reap(Fork::adopt(child)), 0, "the child is through before it is done here");
                runs.fetch_add(1, SeqCst);
            }
        })
    }));
    if std::process::id() != parent {
        let told = matches!(called, Ok(Err(OnceError::Forked)))
            && once.try_call_once(|| ()) == Err(OnceError::TimedOut)
            && !once.is_completed();
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(!told)) };
    }
    assert!(matches!(called, Ok(Ok(()))));
    assert!(once.is_completed());
    assert_eq!(runs.load(SeqCst), 1);
}

/// Private memory is copied by a fork: each of both has its own.
#[test]
fn a_fork_in_an_initialiser_of_a_private_one_is_done_in_both() {
    let _watchdog = Watchdog::with_limit(60);
    let (once, parent) = (Once::new(), std::process::id());
    let mut child = 0;
    // SAFETY: the child ends below, without returning to the harness.
    let called = once.call_once(|| child = unsafe { libc::fork() });
    if std::process::id() != parent {
        let done = called == Ok(()) && once.is_completed() && once.call_once(|| ()) == Ok(());
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(!done)) };
    }
    assert_eq!(reap(Fork::adopt(child)), 0);
    assert_eq!((called, once.is_completed()), (Ok(()), true));
}

/// The thread that initialises is in the parent alone: there a private one is waited for in vain, a shared one until the parent has done it.
#[test]
fn a_fork_beside_an_initialiser_waits_for_the_parents() {
    let _watchdog = Watchdog::with_limit(60);
    let [private, shared] = both();
    for once in [private, shared] {
        let (begun, forked) = (AtomicU32::new(0), AtomicU32::new(0));
        let child = thread::scope(|scope| {
            let initialise = || {
                begun.store(1, SeqCst);
                eventually("the child is there", || forked.load(SeqCst) == 1);
            };
            scope.spawn(move || once.call_once(initialise).unwrap());
            eventually("it has begun", || begun.load(SeqCst) == 1);
            let child = fork(|| {
                if std::ptr::eq(once, shared) {
                    assert_eq!(once.call_once(never), Ok(()));
                } else {
                    let waited = once.call_once_timeout(Duration::from_millis(20), never);
                    assert_eq!(waited, Err(OnceError::TimedOut));
                }
            });
            forked.store(1, SeqCst);
            child
        });
        assert_eq!(reap(child), 0);
        assert!(once.is_completed());
    }
}

#[test]
fn a_fork_has_a_private_one_of_its_own() {
    let _watchdog = Watchdog::with_limit(60);
    let once = Once::new();
    assert_eq!(reap(fork(|| once.call_once(|| ()).unwrap())), 0);
    assert!(!once.is_completed());
}

#[test]
fn who_holds_too_many_locks_is_told() {
    let _watchdog = Watchdog::with_limit(60);
    found_family(); // a fork could wait for a thread that was at it
    let child = fork(|| {
        let locks: Vec<_> = (0..MAX_HELD).map(|_| share(Mutex::new(0_u64))).collect();
        let once = share(Once::new());
        let guards: Vec<_> = locks.iter().map(|lock| lock.lock().unwrap()).collect();
        assert_eq!(once.call_once(never), Err(OnceError::TooManyHeld));
        assert_eq!(Once::new().call_once(|| ()), Ok(()), "private ones are not counted");
        drop(guards);
        assert_eq!(once.call_once(|| ()), Ok(()));
    });
    assert_eq!(reap(child), 0);
}

#[test]
fn it_goes_into_shared_memory_as_it_is() {
    let done = Once::new();
    done.call_once(|| ()).unwrap();
    assert_eq!(share(done).call_once(never), Ok(()));
    let not_yet = Once::new();
    assert!(not_yet.wait_timeout(Duration::from_millis(1)).is_err()); // leaves its bit
    assert!(catch_unwind(AssertUnwindSafe(|| not_yet.call_once(|| panic!("on purpose")))).is_err());
    assert_eq!(share(not_yet).call_once(|| ()), Ok(()));
}

/// Whatever bytes a process has left there, each call ends.
#[test]
fn any_bytes_are_one() {
    let _watchdog = Watchdog::with_limit(60);
    let _family = share(Once::new());
    for byte in [0x00, 0x01, 0x02, 0x03, 0x55, 0xaa, 0xfe, 0xff_u8] {
        let memory = map(size_of::<Once>()).cast::<Once>();
        // SAFETY: fresh shared memory that nobody else knows, never unmapped; any bytes are one.
        let once = unsafe {
            memory.write_bytes(byte, 1);
            (*memory.as_ptr()).place(&Placement::new().unwrap()).unwrap();
            memory.as_ref()
        };
        let was_done = once.is_completed();
        let mut runs = false;
        assert_eq!(once.call_once(|| runs = true), Ok(()));
        assert_ne!(was_done, runs);
        // SAFETY: as above; nobody is at it. Now it is damaged where it lies.
        unsafe { memory.write_bytes(byte, 1) };
        let _ = once.call_once_timeout(Duration::from_millis(5), || ());
        let _ = once.wait_timeout(Duration::from_millis(5));
    }
}

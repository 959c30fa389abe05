//! Signals that come to a thread that waits. `unsafe`: installs a handler and sends signals to threads.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // what a handler counts

mod common;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{fork, reap, share};
use multiproc_sync::{
    AcquireError, Barrier, BarrierError, Condvar, Doorbell, Event, Latch, Lock, LockError, Mutex, Once,
    OnceError, Pace, RobustSemaphore, Semaphore, WaitError, WaitGroup, WaitGroupError, interrupt,
};
use multiproc_testkit::{Watchdog, eventually, holds_within};

static HANDLED: AtomicU32 = AtomicU32::new(0);
static END: AtomicBool = AtomicBool::new(false);

extern "C" fn handler(_: i32) {
    HANDLED.fetch_add(1, SeqCst);
}

fn hook() -> ControlFlow<()> {
    if END.load(SeqCst) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn handle(signal: i32, flags: i32) {
    // SAFETY: the structure is complete, the handler touches an atomic only.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(signal, &raw const action, std::ptr::null_mut()), 0);
    }
}

/// The thread that runs `wait`, again and again until a signal came in the meantime, is sent signals for as long as it waits.
fn with_signals<T: Send>(signal: i32, wait: impl Fn() -> T + Send) -> T {
    let before = HANDLED.load(SeqCst);
    let waiter = AtomicBool::new(false);
    let (waiter, number) = (&waiter, &std::sync::atomic::AtomicU64::new(0));
    thread::scope(|scope| {
        let thread = scope.spawn(move || {
            // SAFETY: cannot fail.
            number.store(unsafe { libc::pthread_self() }, SeqCst);
            waiter.store(true, SeqCst);
            loop {
                let ended = wait();
                if HANDLED.load(SeqCst) > before {
                    return ended;
                }
            }
        });
        eventually("the thread runs", || waiter.load(SeqCst));
        let ended = holds_within(Duration::from_secs(30), || {
            // SAFETY: a thread that is not joined yet.
            unsafe { libc::pthread_kill(number.load(SeqCst), signal) };
            thread.is_finished()
        });
        assert!(ended, "the wait does not end");
        thread.join().unwrap()
    })
}

/// Kinds of waits.
const WAITS: usize = 15;

/// Each kind of wait, for `time` in vain: how it ended.
fn waits(signal: i32, time: Option<Duration>) -> [WaitError; WAITS] {
    let (private, robust) = (Mutex::new(0), share(Mutex::new(0_u64)));
    let end = || time.map(|time| Instant::now() + time);
    fn ended<G>(result: Result<G, LockError<G>>) -> WaitError {
        match result {
            Err(LockError::TimedOut) => WaitError::TimedOut,
            Err(LockError::Interrupted) => WaitError::Interrupted,
            Ok(_) | Err(_) => panic!("neither"),
        }
    }
    let _guards = (private.lock().unwrap(), robust.lock().unwrap());
    let lock = |signal| {
        with_signals(signal, || ended(end().map_or_else(|| private.lock(), |end| private.lock_deadline(end))))
    };
    let lock_robust = |signal| {
        with_signals(signal, || ended(end().map_or_else(|| robust.lock(), |end| robust.lock_deadline(end))))
    };
    let bell = |signal| {
        with_signals(signal, || Doorbell::new().wait(&Pace::new(), end(), || None::<()>).unwrap_err())
    };
    let (semaphore, unowned) = (Semaphore::new(0), Lock::new());
    unowned.acquire().unwrap();
    let permit = |signal| {
        let wait = || end().map_or_else(|| semaphore.acquire(), |end| semaphore.acquire_deadline(end));
        with_signals(signal, || wait().unwrap_err())
    };
    let hold = |signal| {
        let wait = || end().map_or_else(|| unowned.acquire(), |end| unowned.acquire_deadline(end));
        with_signals(signal, || wait().unwrap_err())
    };
    let robust_permit = |signal, semaphore: &RobustSemaphore<1>| {
        let _taken = semaphore.permit().unwrap();
        with_signals(signal, || {
            let waited = end().map_or_else(|| semaphore.permit(), |end| semaphore.permit_deadline(end));
            match waited.unwrap_err() {
                AcquireError::TimedOut => WaitError::TimedOut,
                AcquireError::Interrupted => WaitError::Interrupted,
                error => panic!("{error}"),
            }
        })
    };
    let (private_event, shared_event) = (Event::new(), share(Event::new()));
    let event = |event: &Event| {
        with_signals(signal, || {
            end().map_or_else(|| event.wait(), |end| event.wait_deadline(end)).unwrap_err()
        })
    };
    let closed = Latch::new(1);
    let latch = |signal| {
        let wait = || end().map_or_else(|| closed.wait(), |end| closed.wait_deadline(end));
        with_signals(signal, || wait().unwrap_err())
    };
    // In which the mutex is not held when a signal has ended it.
    let condvar = |signal| {
        with_signals(signal, || {
            let (mutex, come) = (share(Mutex::new(0_u64)), share(Condvar::new()));
            let guard = mutex.lock().unwrap();
            let waited = match end() {
                Some(end) => come.wait_deadline_while(guard, end, |_| true),
                None => come.wait_timeout_while(guard, Duration::MAX, |_| true),
            };
            match waited {
                Ok((_guard, result)) if result.timed_out() => WaitError::TimedOut,
                Err(LockError::Interrupted) if !mutex.is_locked() => WaitError::Interrupted,
                other => panic!("{other:?}"),
            }
        })
    };
    let barrier = |signal| {
        with_signals(signal, || {
            let barrier = share(Barrier::new(2).unwrap());
            let met = match end() {
                Some(end) => barrier.wait_deadline(end),
                None => barrier.wait(),
            };
            match met {
                Err(BarrierError::TimedOut) => WaitError::TimedOut,
                Err(BarrierError::Interrupted) => WaitError::Interrupted,
                other => panic!("{other:?}"),
            }
        })
    };
    let group = |signal| {
        let group = share(WaitGroup::new());
        let _member = group.add_member().unwrap();
        with_signals(signal, || {
            let waited = end().map_or_else(|| group.wait(), |end| group.wait_deadline(end));
            match waited.unwrap_err() {
                WaitGroupError::TimedOut => WaitError::TimedOut,
                WaitGroupError::Interrupted => WaitError::Interrupted,
                error => panic!("{error}"),
            }
        })
    };
    // For one that initialises, which is this thread.
    let turn = |once: &Once| {
        let mut waited = None;
        let initialise = || {
            waited = Some(with_signals(signal, || {
                let called = match end() {
                    Some(end) => once.call_once_deadline(end, || ()),
                    None => once.call_once(|| ()),
                };
                match called {
                    Err(OnceError::TimedOut) => WaitError::TimedOut,
                    Err(OnceError::Interrupted) => WaitError::Interrupted,
                    other => panic!("{other:?}"),
                }
            }));
        };
        once.call_once(initialise).unwrap();
        waited.unwrap()
    };
    let ended = [
        lock(signal),
        lock_robust(signal),
        bell(signal),
        permit(signal),
        hold(signal),
        robust_permit(signal, &RobustSemaphore::new()),
        robust_permit(signal, share(RobustSemaphore::new())),
        event(&private_event),
        event(shared_event),
        latch(signal),
        condvar(signal),
        barrier(signal),
        group(signal),
        turn(&Once::new()),
        turn(share(Once::new())),
    ];
    // And what was waited for in vain is as it was.
    assert_eq!((semaphore.available(), unowned.is_locked(), closed.remaining()), (0, true, 1));
    ended
}

/// With the handler of a program that restarts system calls, and with one that does not.
const SIGNALS: [(i32, i32); 2] = [(libc::SIGUSR1, 0), (libc::SIGUSR2, libc::SA_RESTART)];

#[test]
fn a_wait_goes_on_after_a_signal_unless_the_hook_ends_it() {
    let _watchdog = Watchdog::with_limit(60);
    SIGNALS.iter().for_each(|(signal, flags)| handle(*signal, *flags));
    let while_before_end = Some(Duration::from_millis(30));
    // Without a hook, in a process of its own.
    let without = fork(|| {
        for (signal, _) in SIGNALS {
            assert_eq!(waits(signal, while_before_end), [WaitError::TimedOut; WAITS]);
        }
    });
    assert_eq!(reap(without), 0);

    interrupt::install(hook).unwrap();
    assert_eq!(interrupt::install(hook), Err(interrupt::AlreadyInstalled));
    for (signal, _) in SIGNALS {
        assert_eq!(waits(signal, while_before_end), [WaitError::TimedOut; WAITS]);
    }
    END.store(true, SeqCst);
    for (signal, _) in SIGNALS {
        assert_eq!(waits(signal, None), [WaitError::Interrupted; WAITS]);
        assert_eq!(waits(signal, Some(Duration::from_secs(3600))), [WaitError::Interrupted; WAITS]);
    }
    // And what was waited for in vain is as it was.
    let mutex = share(Mutex::new(1_u64));
    assert_eq!(*mutex.lock().unwrap(), 1);
}

//! An event between threads and between processes, and what could be done to it. `unsafe`: a handler of a signal, bytes of no event.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // counts beside the event, not the event

mod common;

use std::mem;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{flag, fork, kill, map, reap, share, thread_id};
use multiproc_sync::shm_safe::{Placement, ShmSafe};
use multiproc_sync::{Event, WaitError};
use multiproc_testkit::{Watchdog, eventually, state_of};

#[test]
fn it_is_set_until_it_is_cleared() {
    let event = Event::default();
    for _ in 0..3 {
        assert!(!event.is_set());
        assert_eq!(event.try_wait(), Err(WaitError::TimedOut));
        event.clear();
        event.set();
        event.set();
        assert!(event.is_set());
        assert_eq!((event.wait(), event.try_wait()), (Ok(()), Ok(())));
        event.clear();
    }
    assert_eq!(format!("{event:?}"), "Event { is_set: false, .. }");
}

#[test]
fn a_wait_ends_at_its_deadline() {
    let timeout = Duration::from_millis(20);
    for event in [&Event::new(), share(Event::new())] {
        let begun = Instant::now();
        assert_eq!(event.wait_timeout(timeout), Err(WaitError::TimedOut));
        assert!(begun.elapsed() >= timeout);
        assert_eq!(event.wait_deadline(begun), Err(WaitError::TimedOut));
        event.set();
        assert_eq!(event.wait_deadline(begun), Ok(()));
        assert_eq!(event.wait_timeout(Duration::MAX), Ok(()));
    }
}

#[test]
fn everybody_who_waits_is_released_at_once() {
    let _watchdog = Watchdog::with_limit(60);
    for event in [&Event::new(), share(Event::new())] {
        for round in 0..20 {
            let waiting = [const { AtomicU32::new(0) }; 8];
            thread::scope(|scope| {
                let waiters = waiting.each_ref().map(|waiting| {
                    scope.spawn(|| {
                        waiting.store(thread_id(), SeqCst);
                        event.wait()
                    })
                });
                // Asleep, or wherever they are.
                let state =
                    |waiting: &AtomicU32| Some(waiting.load(SeqCst)).filter(|id| *id != 0).and_then(state_of);
                if round % 2 == 0 {
                    eventually("all sleep", || waiting.iter().all(|waiting| state(waiting) == Some('S')));
                }
                event.set();
                assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap().is_ok()));
            });
            event.clear();
        }
    }
}

const TURNS: u32 = 500;

fn take(turn: &Event) {
    turn.wait().unwrap();
    turn.clear();
}

/// The side that begins: it has one turn out at a time, since an event that is set twice is set once.
fn serve(here: &Event, there: &Event) {
    for _ in 0..TURNS {
        there.set();
        take(here);
    }
}

fn give_back(here: &Event, there: &Event) {
    for _ in 0..TURNS {
        take(here);
        there.set();
    }
}

#[test]
fn threads_hand_a_turn_to_and_fro() {
    let _watchdog = Watchdog::with_limit(60);
    let (one, other) = (Event::new(), Event::new());
    thread::scope(|scope| {
        scope.spawn(|| give_back(&one, &other));
        serve(&other, &one);
    });
}

#[test]
fn processes_hand_a_turn_to_and_fro() {
    let _watchdog = Watchdog::with_limit(60);
    let (one, other) = (share(Event::new()), share(Event::new()));
    let child = fork(|| give_back(one, other));
    serve(other, one);
    assert_eq!(reap(child), 0);
}

/// Asleep in the event: not yet would be as good, since the wait is begun by then, but says less.
#[test]
fn a_sleeper_is_released_though_it_is_cleared_at_once() {
    let _watchdog = Watchdog::with_limit(60);
    let (event, number) = (share(Event::new()), flag());
    let waiter = fork(|| {
        number.store(1, SeqCst);
        assert_eq!(event.wait(), Ok(()));
    });
    eventually("it sleeps", || number.load(SeqCst) == 1 && state_of(waiter.pid()) == Some('S'));
    event.set();
    event.clear();
    assert_eq!(reap(waiter), 0);
    assert!(!event.is_set());
}

#[test]
fn a_killed_waiter_is_missed_by_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let event = share(Event::new());
    let waits = || assert_eq!(event.wait(), Ok(()));
    let (victim, survivor) = (fork(waits), fork(waits));
    for waiter in [&victim, &survivor] {
        eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    }
    kill(victim);
    event.set();
    assert_eq!(reap(survivor), 0);
}

/// A private event in a fork is another one.
#[test]
fn a_fork_has_a_private_event_of_its_own() {
    let _watchdog = Watchdog::with_limit(60);
    let event = Event::new();
    let child = fork(|| event.set());
    assert_eq!(reap(child), 0);
    assert!(!event.is_set());
}

#[test]
fn it_goes_into_shared_memory_as_it_is() {
    let event = Event::new();
    assert!(event.wait_timeout(Duration::from_millis(1)).is_err()); // leaves its bit
    event.set();
    let event = share(event);
    assert!(event.is_set());
    event.clear();
    assert_eq!(event.try_wait(), Err(WaitError::TimedOut));
}

#[test]
fn it_is_moved_as_any_value() {
    let mut events = [Event::new(), Event::new()];
    events[0].set();
    let [first, second] = &mut events;
    mem::swap(first, second);
    assert_eq!(events.map(|event| event.is_set()), [false, true]);
}

/// Whatever bytes a process has left there: setting releases, clearing clears.
#[test]
fn any_bytes_are_an_event() {
    let _watchdog = Watchdog::with_limit(60);
    let _family = share(Event::new());
    for byte in [0x00, 0x01, 0x02, 0x03, 0x55, 0xaa, 0xfe, 0xff_u8] {
        let memory = map(size_of::<Event>()).cast::<Event>();
        // SAFETY: fresh shared memory that nobody else knows, never unmapped; any bytes are an event.
        let event = unsafe {
            memory.write_bytes(byte, 1);
            (*memory.as_ptr()).place(&Placement::new().unwrap()).unwrap();
            memory.write_bytes(byte, 1);
            memory.as_ref()
        };
        assert!(event.wait_timeout(Duration::from_millis(1)).is_ok() == event.is_set());
        event.clear();
        assert!(!event.is_set());
        assert!(event.wait_timeout(Duration::from_millis(1)).is_err());
        event.set();
        assert_eq!(event.wait(), Ok(()));
    }
}

static FROM_A_HANDLER: Event = Event::new();
static CAME: AtomicU32 = AtomicU32::new(0);

extern "C" fn set_it(_: i32) {
    FROM_A_HANDLER.set();
    CAME.fetch_add(1, SeqCst);
}

/// The thread that waits for it sets it itself, wherever in its wait the signal comes.
#[test]
fn it_is_set_in_a_handler_of_the_thread_that_waits() {
    let _watchdog = Watchdog::with_limit(60);
    // SAFETY: the structure is complete; the handler sets an event and counts.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = set_it as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, std::ptr::null_mut()), 0);
    }
    for round in 1..=50 {
        let thread = AtomicU64::new(0);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                // SAFETY: cannot fail.
                thread.store(unsafe { libc::pthread_self() }, SeqCst);
                FROM_A_HANDLER.wait()
            });
            eventually("the thread runs", || thread.load(SeqCst) != 0);
            // SAFETY: a thread that is not joined yet, and waits for what the handler does.
            unsafe { libc::pthread_kill(thread.load(SeqCst), libc::SIGUSR1) };
            assert_eq!(waiter.join().unwrap(), Ok(()));
        });
        eventually("the handler is through", || CAME.load(SeqCst) == round);
        FROM_A_HANDLER.clear();
    }
}

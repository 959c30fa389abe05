//! A bell between threads and between processes that end.
#![allow(clippy::disallowed_types)] // flags beside the bell, not the bell

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{fork, kill, reap, share, thread_id};
use multiproc_sync::{Doorbell, Pace, WaitError};
use multiproc_testkit::{Watchdog, eventually, state_of};

fn shared() -> (&'static AtomicU32, &'static Doorbell) {
    (&share([const { AtomicU32::new(0) }; 1])[0], share(Doorbell::new()))
}

#[test]
fn what_happened_before_is_found_without_a_ring() {
    assert_eq!(Doorbell::new().wait(&Pace::new(), None, || Some(3)), Ok(3));
}

#[test]
fn a_wait_ends_at_its_deadline() {
    let deadline = Instant::now() + Duration::from_millis(20);
    assert_eq!(
        Doorbell::default().wait(&Pace::new(), Some(deadline), || None::<()>),
        Err(WaitError::TimedOut)
    );
    assert!(Instant::now() >= deadline);
}

#[test]
fn processes_hand_a_number_to_and_fro() {
    const ROUNDS: u32 = 2000;
    let _watchdog = Watchdog::with_limit(60);
    let (turn, bell) = shared();
    let play = |parity| {
        let pace = Pace::new();
        for _ in 0..ROUNDS {
            let mine = || Some(turn.load(SeqCst)).filter(|turn| turn % 2 == parity);
            bell.wait(&pace, None, mine).unwrap();
            turn.fetch_add(1, SeqCst);
            bell.ring();
        }
    };
    let other = fork(|| play(1));
    play(0);
    assert_eq!(reap(other), 0);
    assert_eq!(turn.load(SeqCst), 2 * ROUNDS);
}

#[test]
fn one_ring_wakes_everybody() {
    let _watchdog = Watchdog::with_limit(60);
    let (fact, bell) = shared();
    let look = || Some(fact.load(SeqCst)).filter(|fact| *fact != 0);
    let waiting = [const { AtomicU32::new(0) }; 4];
    thread::scope(|scope| {
        let waiters = waiting.each_ref().map(|waiting| {
            scope.spawn(|| {
                waiting.store(thread_id(), SeqCst);
                bell.wait(&Pace::new(), None, look)
            })
        });
        let state = |waiting: &AtomicU32| Some(waiting.load(SeqCst)).filter(|id| *id != 0).and_then(state_of);
        eventually("all sleep", || waiting.iter().all(|waiting| state(waiting) == Some('S')));
        fact.store(9, SeqCst);
        bell.ring();
        assert!(waiters.into_iter().all(|waiter| waiter.join().unwrap() == Ok(9)));
    });
}

#[test]
fn a_killed_waiter_is_missed_by_nobody() {
    let _watchdog = Watchdog::with_limit(60);
    let (fact, bell) = shared();
    let waits = || {
        fact.fetch_or(1, SeqCst);
        bell.wait(&Pace::new(), None, || (fact.load(SeqCst) & 2 != 0).then_some(())).unwrap();
    };
    let victim = fork(waits);
    eventually("it waits", || fact.load(SeqCst) == 1);
    let survivor = fork(waits);
    kill(victim);
    fact.fetch_or(2, SeqCst);
    bell.ring();
    assert_eq!(reap(survivor), 0);
}

/// Whoever makes it happen and dies before the ring costs a heartbeat.
#[test]
fn a_ring_that_never_came_is_made_up_for_by_the_heartbeat() {
    let _watchdog = Watchdog::with_limit(60);
    let (fact, bell) = shared();
    let waiter = fork(|| {
        bell.wait(&Pace::new(), None, || (fact.load(SeqCst) != 0).then_some(())).unwrap();
    });
    eventually("it sleeps", || state_of(waiter.pid()) == Some('S'));
    fact.store(1, SeqCst);
    assert_eq!(reap(waiter), 0);
}

/// Though somebody rings all the time.
#[test]
fn a_deadline_is_kept_while_it_rings() {
    let _watchdog = Watchdog::with_limit(60);
    let (bell, deadline) = (Doorbell::new(), Instant::now() + Duration::from_millis(10));
    let mut late_looks = 0;
    let waited = bell.wait(&Pace::new(), Some(deadline), || {
        bell.ring();
        late_looks += u32::from(Instant::now() > deadline);
        None::<()>
    });
    assert_eq!(waited, Err(WaitError::TimedOut));
    assert!(late_looks < 5, "{late_looks} looks after the deadline");
}

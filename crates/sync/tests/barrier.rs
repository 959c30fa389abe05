//! A barrier between threads, and between processes that end. `unsafe`: forks where a process of a test must not go on.
#![allow(clippy::disallowed_types)] // what the parties count, not the barrier
#![allow(unsafe_code)]

mod common;

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use common::{Fork, flag, fork, idle, kill, reap, share};
use multiproc_sync::{Barrier, BarrierError, MAX_PARTIES, PartiesError};
use multiproc_testkit::{Watchdog, eventually};

static GLOBAL: Barrier = match Barrier::new(4) {
    Ok(barrier) => barrier,
    Err(_) => panic!("not too many"),
};

fn placed(parties: u32) -> &'static Barrier {
    share(Barrier::new(parties).unwrap())
}

fn both(parties: u32) -> [&'static Barrier; 2] {
    [Box::leak(Box::new(Barrier::new(parties).unwrap())), placed(parties)]
}

#[test]
fn it_has_a_number_of_parties() {
    for parties in [0, MAX_PARTIES + 1, u32::MAX] {
        assert_eq!(Barrier::new(parties).unwrap_err(), PartiesError { parties });
    }
    assert_eq!(GLOBAL.parties(), 4);
    let alone = Barrier::new(1).unwrap();
    for _ in 0..3 {
        let place = alone.wait().unwrap();
        assert!(place.get() == 0 && place.is_last());
    }
}

#[test]
fn nobody_is_a_round_ahead() {
    const ROUNDS: u32 = 500;
    let _watchdog = Watchdog::with_limit(60);
    let (came, last) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 1..=ROUNDS {
                    came.fetch_add(1, SeqCst);
                    let place = GLOBAL.wait().unwrap();
                    let all = came.load(SeqCst);
                    assert!((4 * round..4 * (round + 1)).contains(&all), "{all} in round {round}");
                    last.fetch_add(u32::from(place.is_last()), SeqCst);
                }
            });
        }
    });
    assert_eq!(last.load(SeqCst), ROUNDS);
}

#[test]
fn processes_meet_again_and_again() {
    const ROUNDS: u32 = 500;
    let _watchdog = Watchdog::with_limit(60);
    let (barrier, came) = (placed(3), flag());
    let meet = || {
        for round in 1..=ROUNDS {
            came.fetch_add(1, SeqCst);
            barrier.wait().unwrap();
            assert!((3 * round..3 * (round + 1)).contains(&came.load(SeqCst)));
        }
    };
    let others = [(); 2].map(|()| fork(meet));
    meet();
    assert_eq!(others.map(reap), [0; 2]);
}

#[test]
fn as_many_parties_as_there_may_be_meet() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(MAX_PARTIES) {
        let mut places = thread::scope(|scope| {
            let parties: Vec<_> = (0..MAX_PARTIES)
                .map(|_| scope.spawn(|| [(); 5].map(|()| barrier.wait().unwrap().get())[4]))
                .collect();
            parties.into_iter().map(|party| party.join().unwrap()).collect::<Vec<_>>()
        });
        places.sort_unstable();
        assert_eq!(places, (0..MAX_PARTIES).collect::<Vec<_>>());
    }
}

/// More threads than parties: those over are of the next round.
#[test]
fn more_than_the_parties_come() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(3) {
        let (last, came) = (AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..9 {
                scope.spawn(|| {
                    // Whoever is left has one to meet as long as rounds are.
                    while came.fetch_add(1, SeqCst) < 450 {
                        let place = barrier.wait_with(thread::yield_now).unwrap();
                        last.fetch_add(u32::from(place.is_last()), SeqCst);
                    }
                });
            }
        });
        assert_eq!((last.load(SeqCst), barrier.waiting()), (150, Ok(0)));
    }
}

/// Two rounds' parties, each of which comes once: those of the second find no place before the first has left.
#[test]
fn who_finds_all_places_taken_is_told_of_the_first_that_leaves() {
    let _watchdog = Watchdog::with_limit(60);
    for _ in 0..100 {
        let barrier = Barrier::new(MAX_PARTIES).unwrap();
        thread::scope(|scope| (0..2 * MAX_PARTIES).for_each(|_| _ = scope.spawn(|| barrier.wait().unwrap())));
        assert_eq!(barrier.waiting(), Ok(0));
    }
}

#[test]
fn a_time_out_breaks_it_for_all_until_a_reset() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(3) {
        thread::scope(|scope| {
            let patient = scope.spawn(|| barrier.wait());
            let far = scope.spawn(|| barrier.wait_timeout(Duration::MAX));
            eventually("both wait", || barrier.waiting() == Ok(2));
            barrier.abort().unwrap();
            assert_eq!(patient.join().unwrap(), Err(BarrierError::Broken));
            assert_eq!(far.join().unwrap(), Err(BarrierError::Broken));
            barrier.reset().unwrap();
            let patient = scope.spawn(|| barrier.wait());
            eventually("it waits", || barrier.waiting() == Ok(1));
            let deadline = Instant::now() + Duration::from_millis(20);
            assert_eq!(barrier.wait_deadline(deadline), Err(BarrierError::TimedOut));
            assert!(Instant::now() >= deadline);
            assert_eq!(patient.join().unwrap(), Err(BarrierError::Broken));
        });
        assert_eq!((barrier.is_broken(), barrier.waiting()), (Ok(true), Ok(0)));
        assert_eq!(barrier.wait(), Err(BarrierError::Broken));
        barrier.reset().unwrap();
        assert_eq!(barrier.is_broken(), Ok(false));
        thread::scope(|scope| (0..3).for_each(|_| _ = scope.spawn(|| barrier.wait().unwrap())));
    }
}

#[test]
fn a_reset_breaks_those_who_wait_and_nobody_after() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(2) {
        thread::scope(|scope| {
            for _ in 0..100 {
                let waits = scope.spawn(|| barrier.wait());
                eventually("it waits", || barrier.waiting() == Ok(1));
                barrier.reset().unwrap();
                // At once, though that one may not have left: it is of a round of its own.
                let [one, other] = [(); 2].map(|()| scope.spawn(|| barrier.wait()));
                assert!(one.join().unwrap().is_ok() && other.join().unwrap().is_ok());
                assert_eq!(waits.join().unwrap(), Err(BarrierError::Broken));
            }
        });
    }
}

#[test]
fn the_action_runs_once_before_the_others_go_on() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(3) {
        let actions = AtomicU32::new(0);
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for round in 1..=100 {
                        barrier.wait_with(|| _ = actions.fetch_add(1, SeqCst)).unwrap();
                        assert_eq!(actions.load(SeqCst), round);
                        barrier.wait().unwrap();
                    }
                });
            }
        });
    }
}

#[test]
fn an_action_may_use_its_barrier() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(1) {
        let far = Instant::now() + Duration::from_secs(60);
        let met = barrier.wait_deadline_with(far, || {
            assert_eq!((barrier.waiting(), barrier.is_broken()), (Ok(1), Ok(false)));
            barrier.abort().unwrap();
        });
        assert_eq!(met, Err(BarrierError::Broken));
        barrier.reset().unwrap();
        assert!(barrier.wait().is_ok());
    }
}

#[test]
fn an_action_that_panics_breaks_it() {
    let _watchdog = Watchdog::with_limit(60);
    for barrier in both(2) {
        thread::scope(|scope| {
            let waits = scope.spawn(|| barrier.wait());
            eventually("it waits", || barrier.waiting() == Ok(1));
            scope.spawn(|| barrier.wait_with(|| panic!("in the action"))).join().unwrap_err();
            assert_eq!(waits.join().unwrap(), Err(BarrierError::Broken));
        });
        barrier.reset().unwrap();
        thread::scope(|scope| (0..2).for_each(|_| _ = scope.spawn(|| barrier.wait().unwrap())));
    }
}

#[test]
fn a_dead_party_breaks_it_and_is_named() {
    let _watchdog = Watchdog::with_limit(60);
    let barrier = placed(4);
    let victim = fork(|| _ = barrier.wait());
    eventually("it waits", || barrier.waiting() == Ok(1));
    let died = Err(BarrierError::PartyDied { pid: victim.pid() });
    let waiters = [(); 2].map(|()| fork(|| assert_eq!(barrier.wait(), died)));
    eventually("all wait", || barrier.waiting() == Ok(3));
    kill(victim);
    // As it is told to who waits, and to who comes.
    assert_eq!(waiters.map(reap), [0; 2]);
    assert_eq!(barrier.wait(), died);
    barrier.reset().unwrap();
    let others = [(); 3].map(|()| fork(|| _ = barrier.wait().unwrap()));
    assert!(barrier.wait().is_ok());
    assert_eq!(others.map(reap), [0; 3]);
}

/// One waits and the other, the last, is in its action: nobody of the round is left to see that both are dead.
#[test]
fn a_full_round_of_the_dead_is_broken_by_who_comes_next() {
    let _watchdog = Watchdog::with_limit(60);
    let (barrier, acts) = (placed(2), flag());
    let both = fork(|| {
        thread::scope(|scope| {
            let act = || {
                barrier.wait_with(|| {
                    acts.store(1, SeqCst);
                    idle();
                })
            };
            scope.spawn(act);
            scope.spawn(act);
        });
    });
    eventually("all have come", || acts.load(SeqCst) == 1);
    let pid = both.pid();
    kill(both);
    let next = barrier.wait_timeout(Duration::from_secs(30));
    assert_eq!(next, Err(BarrierError::PartyDied { pid }));
    barrier.reset().unwrap();
    let other = fork(|| _ = barrier.wait().unwrap());
    assert!(barrier.wait().is_ok());
    assert_eq!(reap(other), 0);
}

/// Parties that die where they wait leave slots, which are those of others again.
#[test]
fn slots_of_the_dead_are_used_again() {
    let _watchdog = Watchdog::with_limit(60);
    let barrier = placed(2);
    for _ in 0..MAX_PARTIES + 3 {
        let victim = fork(|| _ = barrier.wait());
        eventually("it waits", || barrier.waiting() == Ok(1));
        kill(victim);
        barrier.reset().unwrap();
    }
    let other = fork(|| _ = barrier.wait().unwrap());
    assert!(barrier.wait().is_ok());
    assert_eq!(reap(other), 0);
}

#[test]
fn what_is_placed_is_as_new() {
    let _watchdog = Watchdog::with_limit(60);
    let barrier = Barrier::new(2).unwrap();
    barrier.abort().unwrap();
    let barrier = share(barrier);
    assert_eq!((barrier.is_broken(), barrier.parties()), (Ok(false), 2));
    let other = fork(|| _ = barrier.wait().unwrap());
    assert!(barrier.wait().is_ok());
    assert_eq!(reap(other), 0);
}

/// The child of a fork in the action is no party: it lets nobody through.
#[test]
fn a_fork_in_the_action_is_no_party() {
    let _watchdog = Watchdog::with_limit(60);
    let (barrier, ended) = (placed(1), flag());
    let own = std::process::id();
    let mut child = 0;
    let met = barrier.wait_with(|| {
        // SAFETY: the fork uses nothing but the barrier, which is for forks, and ends below.
        child = unsafe { libc::fork() };
        if child != 0 {
            eventually("the child is through", || ended.load(SeqCst) == 1);
            assert_eq!(barrier.waiting(), Ok(1), "the round has not passed");
        }
    });
    if std::process::id() != own {
        let right = met == Err(BarrierError::Broken);
        ended.store(1, SeqCst);
        // SAFETY: ends the fork without the parent's exit handlers.
        unsafe { libc::_exit(i32::from(!right)) };
    }
    assert_eq!(reap(Fork::adopt(child)), 0);
    assert!(met.is_ok());
}

#[test]
fn a_barrier_of_zeros_has_no_parties() {
    let barrier = placed(1);
    // SAFETY: nobody else uses it; every bit pattern is allowed.
    unsafe { std::ptr::from_ref(barrier).cast_mut().write_bytes(0, 1) };
    assert_eq!(barrier.wait(), Err(BarrierError::NoParties));
}

//! The scenarios of the latch: who opens it is killed, who arrives, and who waits. `unsafe`: shared memory.
#![allow(unsafe_code)]

use std::time::Duration;

use multiproc_sync::{ArriveError, Latch, WaitError};
use multiproc_testkit::fault::{Act, Cue, Fate, Memory, Part, Peer, Scenario, Scene, Start};

use super::family;

/// Shorter than the heartbeat: whom the dead have not woken, the next who comes wakes.
const PATIENCE: Duration = Duration::from_millis(400);

/// Who does the laps: two peers and the newcomer.
const SURVIVORS: u32 = 3;

const LAPS: usize = 3;

/// The latch under test, and another for each lap, as one opens once.
#[repr(C)]
pub(crate) struct Shared {
    latch: Latch,
    laps: [Latch; LAPS],
}

/// A latch for which so many count.
fn scene_for(count: u32) -> Scene<Shared> {
    // SAFETY: words, which may be zero.
    let memory = unsafe { Memory::<Shared>::zeroed() };
    // SAFETY: writable and aligned, and known to nobody else.
    unsafe {
        let laps = [const { Latch::new(SURVIVORS) }; LAPS];
        memory.as_ptr().write(Shared { latch: Latch::new(count), laps });
    }
    let shared = memory.leak();
    Scene { shared, watched: vec![family::range(shared)] }
}

fn scene_for_one() -> Scene<Shared> {
    scene_for(1)
}

fn scene_for_two() -> Scene<Shared> {
    scene_for(2)
}

/// Once everybody is through, the latch is open. In each lap all meet.
fn laps(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    for lap in &shared.laps {
        assert!(shared.latch.is_open());
        assert!(shared.latch.count_down(1).is_err_and(|error| error.remaining == 0), "one too many");
        assert_eq!(lap.arrive_and_wait(), Ok(()));
    }
}

fn counter(shared: &'static Shared, part: &Part) {
    part.begin();
    // Without a result: a deputy may have counted in its place.
    let _ = shared.latch.count_down(1);
    part.over();
}

fn party(shared: &'static Shared, part: &Part) {
    part.begin();
    let _ = shared.latch.arrive_and_wait();
    part.over();
}

fn waiter(shared: &'static Shared, part: &Part) {
    part.begin();
    assert_eq!(shared.latch.wait(), Ok(()));
    part.over();
}

/// Waits until it is too late, which wakes it from its sleep.
fn late(shared: &'static Shared, part: &Part) {
    part.begin();
    let waited = shared.latch.wait_timeout(Duration::from_millis(150));
    part.over();
    assert_eq!(waited, Err(WaitError::TimedOut), "nobody opens it");
}

fn sleeping(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Begun);
    assert_eq!(shared.latch.wait(), Ok(()));
    laps(shared, part);
}

/// Counts in the victim's place if that has not, and comes to wait.
fn deputy(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    let left = shared.latch.remaining();
    assert!(left <= 1, "more is left than one dead has not counted");
    assert_eq!(shared.latch.count_down(left), Ok(()));
    assert_eq!(shared.latch.wait(), Ok(()));
    laps(shared, part);
}

/// The other one of two: arrives before the victim or while that sleeps, and once the victim is gone counts in its place.
fn arriving(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Release);
    assert_eq!(shared.latch.count_down(1), Ok(()));
    deputy(shared, part);
}

fn opening(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Release);
    match shared.latch.arrive_and_wait() {
        Ok(()) => {}
        Err(error) => assert!(matches!(error, ArriveError::Wait(_)), "{error}"),
    }
    laps(shared, part);
}

fn scenario(
    name: &str,
    (start, scene): (Start, fn() -> Scene<Shared>),
    victim: Act<Shared>,
    other: (&'static str, Act<Shared>),
    must_hit: &[&'static str],
) -> Scenario<Shared> {
    let survivor = |(name, act)| Peer { name, fate: Fate::Survives, act };
    Scenario {
        name: name.to_string(),
        outcomes: &[],
        prepare: || (),
        scene,
        start,
        victim,
        peers: vec![survivor(("sleeping", sleeping)), survivor(other)],
        newcomer: laps,
        must_hit: must_hit.to_vec(),
        patience: PATIENCE,
    }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    let one = (Start::Begin, scene_for_one as fn() -> _);
    let two = (Start::Begin, scene_for_two as fn() -> _);
    let asleep = |(_, scene)| (Start::Sleep, scene);
    let (deputy, opening): (Act<Shared>, Act<Shared>) = (deputy, opening);
    vec![
        scenario("latch/opener", one, counter, ("deputy", deputy), &["latch_wake"]),
        scenario("latch/party", two, party, ("arriving", arriving), &["latch_wait"]),
        scenario("latch/party woken", asleep(two), party, ("arriving", arriving), &[]),
        scenario("latch/waiter", one, waiter, ("opening", opening), &["latch_wait"]),
        scenario("latch/woken", asleep(one), waiter, ("opening", opening), &[]),
        scenario("latch/woken by time", asleep(one), late, ("deputy", deputy), &[]),
    ]
}

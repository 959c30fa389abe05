//! The scenarios of what lets in one at a time and has no owner: of the dead one's hold somebody else disposes, and then nobody
//! sleeps on, nobody is inside with another. `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // counters beside the semaphore, not the semaphore
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::{BoundedSemaphore, Lock, Semaphore};
use multiproc_testkit::fault::{Act, Cue, Fate, Memory, Part, Peer, Scenario, Scene, Start};

use super::family;
use super::gate::Gate;

/// Shorter than the heartbeat: with the next release a sleeper is woken that a death has left asleep.
const PATIENCE: Duration = Duration::from_millis(400);

/// What the processes of one kill point share.
#[repr(C)]
pub(crate) struct Shared<G> {
    gate: G,
    /// A peer that lives is inside.
    occupied: AtomicU32,
    /// How many sleepers came in.
    through: AtomicU32,
    /// Who is inside, in the laps.
    visitors: AtomicU32,
}

fn scene<G: Gate>() -> Scene<Shared<G>> {
    let zero = || AtomicU32::new(0);
    let value = Shared { gate: G::new(), occupied: zero(), through: zero(), visitors: zero() };
    // SAFETY: numbers, which may be zero.
    let memory = unsafe { Memory::<Shared<G>>::zeroed() };
    // SAFETY: writable and aligned, and known to nobody else.
    unsafe { memory.as_ptr().write(value) };
    let shared = memory.leak();
    Scene { shared, watched: vec![family::range(shared)] }
}

fn laps<G: Gate>(shared: &'static Shared<G>, part: &Part) {
    part.wait(Cue::Laps);
    for _ in 0..3 {
        shared.gate.acquire();
        assert_eq!(shared.visitors.fetch_add(1, SeqCst), 0, "two are inside");
        shared.visitors.fetch_sub(1, SeqCst);
        shared.gate.release();
    }
}

/// Goes in and out.
fn taker<G: Gate>(shared: &'static Shared<G>, part: &Part) {
    part.begin();
    shared.gate.acquire();
    shared.gate.release();
    part.over();
}

/// Is inside at its beginning, and goes out.
fn leaver<G: Gate>(shared: &'static Shared<G>, part: &Part) {
    shared.gate.acquire();
    part.begin();
    shared.gate.release();
    part.over();
}

/// Is inside until the victim sleeps.
fn holder<G: Gate>(shared: &'static Shared<G>, part: &Part) {
    part.wait(Cue::Hold);
    shared.gate.acquire();
    shared.occupied.store(1, SeqCst);
    part.wait(Cue::Release);
    shared.occupied.store(0, SeqCst);
    shared.gate.release();
    laps(shared, part);
}

/// Goes in, if it can, just before the victim is killed.
fn barger<G: Gate>(shared: &'static Shared<G>, part: &Part) {
    part.wait(Cue::Stopped);
    let inside = shared.gate.try_acquire();
    shared.occupied.store(u32::from(inside), SeqCst);
    part.wait(Cue::Laps);
    if inside {
        shared.gate.release();
    }
    laps(shared, part);
}

/// Sleeps until it comes in, and stays inside.
fn sleep_from<G: Gate>(cue: Cue, shared: &'static Shared<G>, part: &Part) {
    part.wait(cue);
    shared.gate.acquire();
    shared.through.fetch_add(1, SeqCst);
    part.wait(Cue::Laps);
    shared.gate.release();
    laps(shared, part);
}

fn sleeper<G: Gate>(shared: &'static Shared<G>, part: &Part) {
    sleep_from(Cue::Begun, shared, part);
}

fn second_sleeper<G: Gate>(shared: &'static Shared<G>, part: &Part) {
    sleep_from(Cue::Asleep, shared, part);
}

/// Comes when the victim is dead and everybody else quiet: lets out whom the victim was, if it was inside, or passes on the wake-up
/// that it took along.
fn mender<G: Gate>(shared: &'static Shared<G>, part: &Part) {
    part.wait(Cue::Killed);
    let somebody_lives_inside = shared.occupied.load(SeqCst) + shared.through.load(SeqCst) > 0;
    if !somebody_lives_inside {
        if shared.gate.is_free() {
            shared.gate.acquire();
        }
        shared.gate.release();
    }
    laps(shared, part);
}

fn scenario<G: Gate>(
    company: &str,
    start: Start,
    victim: Act<Shared<G>>,
    peers: &[(&'static str, Act<Shared<G>>)],
    must_hit: &[&'static str],
) -> Scenario<Shared<G>> {
    let peer = |&(name, act)| Peer { name, fate: Fate::Survives, act };
    Scenario {
        name: format!("{}/{company}", G::NAME),
        outcomes: &[],
        prepare: || (),
        scene,
        start,
        victim,
        peers: peers.iter().map(peer).collect(),
        newcomer: laps,
        must_hit: must_hit.to_vec(),
        patience: PATIENCE,
    }
}

/// All of one gate.
fn of_one<G: Gate>() -> Vec<Scenario<Shared<G>>> {
    let queue: [(_, Act<_>); 3] =
        [("holder", holder), ("second sleeper", second_sleeper), ("mender", mender)];
    vec![
        scenario("taker", Start::Begin, taker, &[("mender", mender)], &[]),
        scenario("taker+barging", Start::Begin, taker, &[("barger", barger), ("mender", mender)], &[]),
        scenario(
            "leaver+sleeping",
            Start::Begin,
            leaver,
            &[("sleeper", sleeper), ("mender", mender)],
            &[G::WAKE],
        ),
        scenario("waiter+sleeping", Start::Begin, taker, &queue, &[G::WAIT]),
        scenario("woken+sleeping", Start::Sleep, taker, &queue, &[]),
    ]
}

pub(crate) fn scenarios_of_the_semaphore() -> Vec<Scenario<Shared<Semaphore>>> {
    of_one()
}

pub(crate) fn scenarios_of_the_bounded_one() -> Vec<Scenario<Shared<BoundedSemaphore>>> {
    of_one()
}

pub(crate) fn scenarios_of_the_lock() -> Vec<Scenario<Shared<Lock>>> {
    of_one()
}

//! The scenarios of the bell: who rings is killed, and who waits. `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // what the bell announces, not the bell
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::{Doorbell, Pace};
use multiproc_testkit::fault::{Act, Cue, Fate, Memory, Part, Peer, Scenario, Scene, Start};

use super::family;

/// Longer than the heartbeat, with which those go on for whom nobody has rung.
const PATIENCE: Duration = Duration::from_millis(1200);

/// A bell and what it announces.
#[repr(C)]
pub(crate) struct Shared {
    bell: Doorbell,
    ready: AtomicU32,
    /// How many have come to a lap's end, all laps together.
    laps: AtomicU32,
}

/// Who does the laps: two peers and the newcomer.
const SURVIVORS: u32 = 3;

fn scene() -> Scene<Shared> {
    // SAFETY: numbers, which may be zero.
    let shared = unsafe { Memory::<Shared>::zeroed() }.leak();
    Scene { shared, watched: vec![family::range(shared)] }
}

impl Shared {
    fn make_ready(&self) {
        self.ready.store(1, SeqCst);
        self.bell.ring();
    }

    fn wait_until_ready(&self) {
        self.wait(|| self.ready.load(SeqCst) == 1);
    }

    fn wait(&self, condition: impl Fn() -> bool) {
        let found = self.bell.wait(&Pace::new(), None, || condition().then_some(()));
        assert!(found.is_ok(), "there was no deadline");
    }
}

/// In each lap everybody rings, and waits for everybody.
fn laps(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    for lap in 1..=3 {
        shared.laps.fetch_add(1, SeqCst);
        shared.bell.ring();
        shared.wait(|| shared.laps.load(SeqCst) >= lap * SURVIVORS);
    }
}

fn ringer(shared: &'static Shared, part: &Part) {
    part.begin();
    shared.make_ready();
    part.over();
}

fn waiter(shared: &'static Shared, part: &Part) {
    part.begin();
    shared.wait_until_ready();
    part.over();
}

fn sleeping(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Begun);
    shared.wait_until_ready();
    laps(shared, part);
}

/// Does what the victim did not come to; but what it did and did not ring for is left to the heartbeat.
fn deputy(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    if shared.ready.load(SeqCst) == 0 {
        shared.make_ready();
    }
    laps(shared, part);
}

fn ringing(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Release);
    shared.make_ready();
    laps(shared, part);
}

fn scenario(
    name: &str,
    start: Start,
    victim: Act<Shared>,
    peers: [(&'static str, Act<Shared>); 2],
) -> Scenario<Shared> {
    Scenario {
        name: name.to_string(),
        outcomes: &[],
        prepare: || (),
        scene,
        start,
        victim,
        peers: peers.map(|(name, act)| Peer { name, fate: Fate::Survives, act }).into(),
        newcomer: laps,
        must_hit: Vec::new(),
        patience: PATIENCE,
    }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    vec![
        scenario("bell/ringer", Start::Begin, ringer, [("sleeping", sleeping), ("deputy", deputy)]),
        scenario("bell/waiter", Start::Begin, waiter, [("sleeping", sleeping), ("ringing", ringing)]),
        scenario("bell/woken", Start::Sleep, waiter, [("sleeping", sleeping), ("ringing", ringing)]),
    ]
}

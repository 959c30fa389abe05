//! The scenarios of the event: who sets it is killed, who clears it, and who waits. `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // a count beside the events, not an event
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::Event;
use multiproc_testkit::fault::{Act, Cue, Fate, Part, Peer, Scenario, Scene, Start};

use super::family;

/// Shorter than the heartbeat, which nobody has to wait for: set and woken are one step.
const PATIENCE: Duration = Duration::from_millis(400);

/// The event under test, and another for the way back in a lap.
#[repr(C)]
pub(crate) struct Shared {
    event: Event,
    back: Event,
    /// How many have come to a half lap's end, all together.
    arrived: AtomicU32,
}

/// Who does the laps: two peers and the newcomer.
const SURVIVORS: u32 = 3;

fn scene() -> Scene<Shared> {
    let registry = family::found();
    let value = Shared { event: Event::new(), back: Event::new(), arrived: AtomicU32::new(0) };
    // SAFETY: events and numbers may be zero.
    let shared = unsafe {
        family::share(value, |shared, placement| {
            family::place(&mut shared.event, placement);
            family::place(&mut shared.back, placement);
        })
    };
    Scene { shared, watched: vec![registry, family::range(shared)] }
}

impl Shared {
    fn wait(&self) {
        assert_eq!(self.event.wait(), Ok(()));
    }

    /// The last who comes clears one event and sets the other, for which the rest waits.
    fn meet(&self, cleared: &Event, set: &Event) {
        if (self.arrived.fetch_add(1, SeqCst) + 1).is_multiple_of(SURVIVORS) {
            cleared.clear();
            assert!(!cleared.is_set());
            set.set();
        }
        assert_eq!(set.wait(), Ok(()));
        assert!(set.is_set());
    }
}

/// Once everybody is through the event is set. In each lap it is cleared, and set again.
fn laps(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    for _ in 0..3 {
        shared.meet(&shared.event, &shared.back);
        shared.meet(&shared.back, &shared.event);
    }
}

fn setter(shared: &'static Shared, part: &Part) {
    part.begin();
    shared.event.set();
    part.over();
}

fn setter_and_clearer(shared: &'static Shared, part: &Part) {
    part.begin();
    shared.event.set();
    shared.event.clear();
    part.over();
}

fn waiter(shared: &'static Shared, part: &Part) {
    part.begin();
    shared.wait();
    part.over();
}

/// Waits until it is too late, which wakes it from its sleep.
fn late(shared: &'static Shared, part: &Part) {
    part.begin();
    let waited = shared.event.wait_timeout(Duration::from_millis(150));
    part.over();
    assert!(waited.is_err(), "nobody sets it");
}

fn sleeping(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Begun);
    shared.wait();
    laps(shared, part);
}

/// Sets it in any case: one that is set, with somebody asleep, would stay so.
fn deputy(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    shared.event.set();
    laps(shared, part);
}

fn setting(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Release);
    shared.event.set();
    laps(shared, part);
}

fn scenario(
    name: &str,
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
        start: Start::Begin,
        victim,
        peers: vec![survivor(("sleeping", sleeping)), survivor(other)],
        newcomer: laps,
        must_hit: must_hit.to_vec(),
        patience: PATIENCE,
    }
}

fn woken(scenario: Scenario<Shared>) -> Scenario<Shared> {
    Scenario { start: Start::Sleep, ..scenario }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    let (deputy, setting) = (("deputy", deputy as Act<Shared>), ("setting", setting as Act<Shared>));
    vec![
        scenario("event/setter", setter, deputy, &["event"]),
        scenario("event/setter+clearer", setter_and_clearer, deputy, &["event"]),
        scenario("event/waiter", waiter, setting, &[]),
        woken(scenario("event/woken", waiter, setting, &[])),
        woken(scenario("event/woken by time", late, deputy, &[])),
    ]
}

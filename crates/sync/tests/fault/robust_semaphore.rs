//! The scenarios of the semaphore whose permits come back: whoever is killed at whatever instruction, the permit is there for the next,
//! who is told if it was a dead one's. `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // who is inside, beside the semaphore
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::{RobustPermit, RobustSemaphore};
use multiproc_testkit::fault::{Act, Cue, Fate, Part, Peer, Scenario, Scene, Start};
use multiproc_testkit::is_running;

use super::family;

/// Longer than the heartbeat, with which who sleeps finds the permit of a dead process, and than what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the processes of one kill point share.
#[repr(C)]
pub(crate) struct Shared {
    semaphore: RobustSemaphore<1>,
    /// To have had a permit once, before what is tested begins.
    spare: RobustSemaphore<8>,
    /// Who is inside; 0 for nobody.
    visitor: AtomicU32,
}

fn scene() -> Scene<Shared> {
    let registry = family::found();
    let value = Shared {
        semaphore: RobustSemaphore::new(),
        spare: RobustSemaphore::new(),
        visitor: AtomicU32::new(0),
    };
    // SAFETY: permits and numbers may be zero.
    let shared = unsafe {
        family::share(value, |shared, placement| {
            family::place(&mut shared.semaphore, placement);
            family::place(&mut shared.spare, placement);
        })
    };
    Scene { shared, watched: vec![registry, family::range(shared)] }
}

impl Shared {
    fn attach(&self) {
        drop(self.spare.permit().expect("nobody dies with this one"));
    }

    /// Is inside, as one who may be killed there.
    fn visit(&self) {
        self.visitor.store(std::process::id(), SeqCst);
        self.visitor.store(0, SeqCst);
    }

    /// Is inside, and judges what was left there.
    fn inspect(&self, permit: &RobustPermit<'_>, part: &Part) {
        match permit.recovered_from() {
            None => part.count("free"),
            Some(dead) => {
                part.count("recovered");
                let dead = dead.pid().expect("nobody has its entry yet");
                assert!(!is_running(dead), "the holder that is said to be dead runs");
                let before = self.visitor.swap(0, SeqCst);
                assert!(before == 0 || !is_running(before), "another one is inside");
            }
        }
        let before = self.visitor.swap(std::process::id(), SeqCst);
        assert_eq!(before, 0, "two are inside, or one died there and nobody said so");
        self.visitor.store(0, SeqCst);
    }

    fn once(&self, part: &Part) {
        self.inspect(&self.semaphore.permit().expect("there is no deadline"), part);
    }
}

fn laps(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    (0..3).for_each(|_| shared.once(part));
}

/// Goes in and out.
fn taker(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    if let Ok(permit) = shared.semaphore.permit() {
        shared.visit();
        drop(permit);
    }
    part.over();
}

/// Takes over from the dead, at once: a wait would come to it by way of the clock.
fn recoverer(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    if let Ok(permit) = shared.semaphore.try_permit() {
        shared.visit();
        drop(permit);
    }
    part.over();
}

/// Is inside at its beginning, and goes out.
fn leaver(shared: &'static Shared, part: &Part) {
    let permit = shared.semaphore.permit().expect("it is free");
    part.begin();
    drop(permit);
    part.over();
}

/// Is inside until the victim sleeps.
fn holder(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let permit = shared.semaphore.permit().expect("it is free");
    part.wait(Cue::Release);
    drop(permit);
    laps(shared, part);
}

/// Dies inside before the victim begins.
fn dead_holder(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    std::mem::forget(shared.semaphore.permit().expect("it is free"));
    shared.visitor.store(std::process::id(), SeqCst);
    part.die();
}

/// Goes in, if it can, just before the victim is killed, and out when that is dead.
fn barger(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Stopped);
    let permit = shared.semaphore.try_permit();
    if let Ok(permit) = &permit {
        shared.inspect(permit, part);
    }
    part.wait(Cue::Killed);
    drop(permit);
    laps(shared, part);
}

fn sleep_from(cue: Cue, shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(cue);
    shared.once(part);
    laps(shared, part);
}

fn sleeper(shared: &'static Shared, part: &Part) {
    sleep_from(Cue::Begun, shared, part);
}

fn second_sleeper(shared: &'static Shared, part: &Part) {
    sleep_from(Cue::Asleep, shared, part);
}

fn scenario(
    company: &str,
    start: Start,
    victim: Act<Shared>,
    peers: &[(&'static str, Fate, Act<Shared>)],
    must_hit: &[&'static str],
) -> Scenario<Shared> {
    Scenario {
        name: format!("robust semaphore/{company}"),
        outcomes: &["free", "recovered"],
        prepare: || (),
        scene,
        start,
        victim,
        peers: peers.iter().map(|&(name, fate, act)| Peer { name, fate, act }).collect(),
        newcomer: laps,
        must_hit: must_hit.to_vec(),
        patience: PATIENCE,
    }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    type Company = (&'static str, Fate, Act<Shared>);
    let holder: Company = ("holder", Fate::Survives, holder);
    let barger: Company = ("barger", Fate::Survives, barger);
    let sleeper: Company = ("sleeper", Fate::Survives, sleeper);
    let second_sleeper: Company = ("second sleeper", Fate::Survives, second_sleeper);
    let dead_holder: Company = ("dead holder", Fate::Dies, dead_holder);
    let (wait, wake, take_over) = ("robust_permit_wait", "robust_permit_wake", "take_over");
    vec![
        scenario("taker", Start::Begin, taker, &[], &[]),
        scenario("taker+barging", Start::Begin, taker, &[barger], &[]),
        scenario("leaver+sleeping", Start::Begin, leaver, &[sleeper], &[wake]),
        scenario("waiter+sleeping", Start::Begin, taker, &[holder, second_sleeper], &[wait]),
        scenario("woken+sleeping", Start::Sleep, taker, &[holder, second_sleeper], &[]),
        scenario("recoverer", Start::Begin, recoverer, &[dead_holder], &[take_over]),
        scenario("recoverer+barging", Start::Begin, recoverer, &[dead_holder, barger], &[take_over]),
    ]
}

//! The scenario of a semaphore with two permits that come back from the dead, both of them taken: who waits marks both, and is too late.
//! `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // who is inside, beside the semaphore
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use multiproc_sync::RobustSemaphore;
use multiproc_testkit::fault::{Act, Cue, Fate, Part, Peer, Scenario, Scene, Start};

use super::family;

/// Longer than the heartbeat, with which who sleeps finds the permit of a dead process, and than what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(2);

const PERMITS: usize = 2;

/// What the processes of one kill point share.
#[repr(C)]
pub(crate) struct Shared {
    semaphore: RobustSemaphore<PERMITS>,
    /// To have had a permit once, before what is tested begins.
    spare: RobustSemaphore<8>,
    /// How many of those are inside who are not killed there.
    visitors: AtomicU32,
}

fn scene() -> Scene<Shared> {
    let registry = family::found();
    let value = Shared {
        semaphore: RobustSemaphore::new(),
        spare: RobustSemaphore::new(),
        visitors: AtomicU32::new(0),
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

    /// Is inside once.
    fn once(&self) {
        let _permit = self.semaphore.permit().expect("there is no deadline");
        let before = self.visitors.fetch_add(1, SeqCst);
        assert!((before as usize) < PERMITS, "more are inside than there are permits");
        self.visitors.fetch_sub(1, SeqCst);
    }
}

fn laps(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    (0..3).for_each(|_| shared.once());
}

/// Comes when its time is over.
fn late(shared: &'static Shared, part: &Part) {
    shared.attach();
    let now = Instant::now();
    part.begin();
    let permit = shared.semaphore.permit_deadline(now);
    part.over();
    assert!(permit.is_err(), "another has both all the time");
}

/// Has both permits until the victim is dead.
fn keeper(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let permits = [(); PERMITS].map(|()| shared.semaphore.permit().expect("it is free"));
    part.wait(Cue::Killed);
    drop(permits);
    laps(shared, part);
}

fn sleeper(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Begun);
    shared.once();
    laps(shared, part);
}

pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    let peer = |name, act: Act<Shared>| Peer { name, fate: Fate::Survives, act };
    vec![Scenario {
        name: "robust semaphore/late for either of two".to_string(),
        outcomes: &[],
        prepare: || (),
        scene,
        start: Start::Begin,
        victim: late,
        peers: vec![peer("keeper", keeper), peer("sleeper", sleeper)],
        newcomer: laps,
        must_hit: vec!["robust_permit_wait", "take_over"],
        patience: PATIENCE,
    }]
}

//! The scenarios of a semaphore for which two sleep: who releases one permit or both is killed, and the next release serves both
//! sleepers. `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // counters beside the semaphore, not the semaphore
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::Semaphore;
use multiproc_testkit::fault::{Act, Cue, Fate, Memory, Part, Peer, Scenario, Scene, Start};

use super::family;

/// Shorter than the heartbeat.
const PATIENCE: Duration = Duration::from_millis(400);

/// For so many sleepers there are so many permits in the end.
const SLEEPERS: u32 = 2;

/// What the processes of one kill point share.
#[repr(C)]
pub(crate) struct Shared {
    semaphore: Semaphore,
    /// How many sleepers have a permit.
    through: AtomicU32,
    /// 1: the victim's release is over.
    done: AtomicU32,
    /// Who is inside, in the laps.
    visitors: AtomicU32,
}

fn scene() -> Scene<Shared> {
    // SAFETY: no permits, and numbers, which may be zero.
    let shared = unsafe { Memory::<Shared>::zeroed() }.leak();
    Scene { shared, watched: vec![family::range(shared)] }
}

fn laps(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    for _ in 0..3 {
        let _permit = shared.semaphore.permit().expect("there is no deadline");
        assert!(shared.visitors.fetch_add(1, SeqCst) < SLEEPERS, "more are inside than there are permits");
        shared.visitors.fetch_sub(1, SeqCst);
    }
}

fn releaser(shared: &'static Shared, part: &Part) {
    part.begin();
    shared.semaphore.release(1).expect("there is room");
    part.over();
}

fn releaser_of_all(shared: &'static Shared, part: &Part) {
    part.begin();
    shared.semaphore.release(SLEEPERS).expect("there is room");
    shared.done.store(1, SeqCst);
    part.over();
}

fn sleeper(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Begun);
    shared.semaphore.acquire().expect("there is no deadline");
    shared.through.fetch_add(1, SeqCst);
    part.wait(Cue::Laps);
    shared.semaphore.release(1).expect("there is room");
    laps(shared, part);
}

/// Puts in what is missing. If the victim's permit lies there and nobody was woken for it, this is one release for two sleepers.
fn deputy(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    let there_are = shared.through.load(SeqCst) + shared.semaphore.available();
    assert!(there_are < SLEEPERS, "more permits than were released");
    shared.semaphore.release(SLEEPERS - there_are).expect("there is room");
    laps(shared, part);
}

/// The same after a release of all: that is there or not. If nobody was woken for it, one permit that goes through another's hands does
/// so.
fn deputy_of_all(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    let there_are = shared.through.load(SeqCst) + shared.semaphore.available();
    assert!(there_are == 0 || there_are == SLEEPERS, "half of a release: {there_are}");
    if there_are == 0 {
        shared.semaphore.release(SLEEPERS).expect("there is room");
    } else if shared.done.load(SeqCst) == 0 && shared.semaphore.try_acquire().is_ok() {
        shared.semaphore.release(1).expect("there is room");
    }
    laps(shared, part);
}

pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    let scenario = |name: &str, victim: Act<Shared>, deputy: Act<Shared>| {
        let peer = |name, act| Peer { name, fate: Fate::Survives, act };
        Scenario {
            name: format!("semaphore/{name}+two sleeping"),
            outcomes: &[],
            prepare: || (),
            scene,
            start: Start::Begin,
            victim,
            peers: vec![peer("sleeper", sleeper), peer("other sleeper", sleeper), peer("deputy", deputy)],
            newcomer: laps,
            must_hit: vec!["permit_wake"],
            patience: PATIENCE,
        }
    };
    vec![scenario("releaser", releaser, deputy), scenario("releaser of two", releaser_of_all, deputy_of_all)]
}

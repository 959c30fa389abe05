//! The scenarios of the barrier: a party is killed that waits, that comes last, that comes between two others, that acts while one
//! more waits for the next round, that only tries, that mends what another has left, and one that resets. `unsafe`: shared memory.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // words of the barrier, not the barrier

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::{ArrivalIndex, Barrier, BarrierError};
use multiproc_testkit::fault::{Act, Cue, Fate, Part, Peer, Scenario, Scene, Start};
use multiproc_testkit::{LIMIT, holds_within};

use super::family;

/// Longer than the heartbeat, with which the death of a party is seen, and than what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the victim meets the others, and where those who are left meet.
#[repr(C)]
pub(crate) struct Shared {
    barrier: Barrier,
    survivors: Barrier,
    /// To have a name in the family before what is tested begins.
    alone: Barrier,
}

/// Who does the laps: two peers and the newcomer.
const SURVIVORS: u32 = 3;

fn scene<const PARTIES: u32>() -> Scene<Shared> {
    let registry = family::found();
    let barrier = |parties| Barrier::new(parties).expect("not too many");
    let value = Shared { barrier: barrier(PARTIES), survivors: barrier(SURVIVORS), alone: barrier(1) };
    // SAFETY: words and numbers may be zero.
    let shared = unsafe {
        family::share(value, |shared, placement| {
            family::place(&mut shared.barrier, placement);
            family::place(&mut shared.survivors, placement);
            family::place(&mut shared.alone, placement);
        })
    };
    Scene { shared, watched: vec![registry, family::range(shared)] }
}

/// A barrier of two of which a word, so many bytes from its beginning, is as somebody may have left it.
fn left_behind(at: usize, word: u32) -> Scene<Shared> {
    let scene = scene::<2>();
    let barrier = std::ptr::from_ref(&scene.shared.barrier);
    // SAFETY: an atomic within the barrier, which nobody uses yet.
    unsafe { &*barrier.byte_add(at).cast::<AtomicU32>() }.store(word, SeqCst);
    scene
}

/// One has died with the barrier's mutex, whose head comes first.
fn inconsistent() -> Scene<Shared> {
    const STATE: usize = 8;
    const INCONSISTENT: u32 = 2;
    left_behind(STATE, INCONSISTENT)
}

/// One has given up that could not get the mutex: the last word but one.
fn given_up() -> Scene<Shared> {
    left_behind(size_of::<Barrier>() - 8, 1)
}

impl Shared {
    fn attach(&self) {
        self.alone.wait().expect("nobody else is waited for");
    }

    /// Whether the barrier could be met or was broken; anything else is a failure.
    fn meet(&self, part: &Part) {
        self.told(part, self.barrier.wait());
    }

    fn told(&self, part: &Part, met: Result<ArrivalIndex, BarrierError>) {
        match met {
            Ok(_) => part.count("Ok"),
            Err(BarrierError::PartyDied { pid }) => {
                // Its threads end before it does.
                let has_ended = || !multiproc_testkit::is_running(pid);
                assert!(holds_within(LIMIT, has_ended), "the party that is said to be dead runs");
                part.count("PartyDied");
            }
            Err(BarrierError::Broken | BarrierError::TimedOut) => part.count("Broken"),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Three meetings of all that are left, at one barrier after the other, the one that was broken mended by who comes first.
fn laps(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    for _ in 0..3 {
        let place = shared.survivors.wait().expect("nobody dies here");
        if place.is_last() {
            shared.barrier.reset().expect("it can be reached");
        }
        shared.survivors.wait().expect("nobody dies here");
        if place.get() < shared.barrier.parties() {
            shared.barrier.wait().expect("so many come, and nobody dies");
        }
    }
}

fn party(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    // Without a result: it may be alone, and killed before it is broken.
    let _ = shared.barrier.wait_timeout(Duration::from_secs(60));
    part.over();
}

/// Acts, if it comes last.
fn actor(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let _ = shared.barrier.wait_timeout_with(Duration::from_secs(60), || _ = std::hint::black_box(shared));
    part.over();
}

/// The only party.
fn trier(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let _ = shared.barrier.try_wait();
    part.over();
}

fn resetter(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let _ = shared.barrier.reset();
    part.over();
}

fn waiting(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Begun);
    shared.meet(part);
    laps(shared, part);
}

fn coming(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Release);
    shared.meet(part);
    laps(shared, part);
}

/// Comes last, if the victim has come; else waits in vain, for a short time, which breaks it for the other.
fn completing(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Release);
    shared.told(part, shared.barrier.wait_timeout(Duration::from_millis(20)));
    laps(shared, part);
}

/// Comes while the victim stands where it will be killed: one more than the parties, or a party in its place, or alone.
fn over(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Stopped);
    shared.told(part, shared.barrier.wait_timeout(Duration::from_millis(100)));
    laps(shared, part);
}

/// Breaks the barrier for who may still wait for the victim, which died before it came.
fn deputy(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Killed);
    shared.barrier.abort().expect("it can be reached");
    laps(shared, part);
}

fn scenario(
    name: &str,
    scene: fn() -> Scene<Shared>,
    start: Start,
    victim: Act<Shared>,
    peers: [(&'static str, Act<Shared>); 2],
    must_hit: &[&'static str],
) -> Scenario<Shared> {
    Scenario {
        name: name.to_string(),
        outcomes: &["Ok", "PartyDied", "Broken"],
        prepare: || (),
        scene,
        start,
        victim,
        peers: peers.map(|(name, act)| Peer { name, fate: Fate::Survives, act }).into(),
        newcomer: laps,
        must_hit: must_hit.to_vec(),
        patience: PATIENCE,
    }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    let (of_two, of_three) = (scene::<2>, scene::<3>);
    let with_deputy: [(&str, Act<Shared>); 2] = [("waiting", waiting), ("deputy", deputy)];
    let with_coming: [(&str, Act<Shared>); 2] = [("coming", coming), ("deputy", deputy)];
    let last = &["barrier_come", "barrier_pass", "barrier_leave"];
    vec![
        scenario("barrier/last", of_two, Start::Begin, party, with_deputy, last),
        scenario("barrier/woken", of_two, Start::Sleep, party, with_coming, &["barrier_leave"]),
        scenario(
            "barrier/second of three",
            of_three,
            Start::Begin,
            party,
            [("waiting", waiting), ("completing", completing)],
            &["barrier_come", "barrier_leave"],
        ),
        scenario("barrier/actor", of_two, Start::Begin, actor, [("waiting", waiting), ("over", over)], last),
        scenario("barrier/trier", scene::<1>, Start::Begin, trier, with_deputy, &last[1..]),
        scenario("barrier/resetter", of_two, Start::Begin, resetter, with_deputy, &[]),
        scenario("barrier/mender", inconsistent, Start::Begin, party, with_coming, &["barrier_mend"]),
        scenario("barrier/collector", given_up, Start::Begin, party, with_coming, &["barrier_collect"]),
    ]
}

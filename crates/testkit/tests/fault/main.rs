//! The harness that kills at every instruction, tried on a lock of its own: the right one survives, in every company;
//! the planted one must be found out; and so must a scenario that never gets where it was made for.
//! `unsafe`: zeroed shared memory.
#![allow(unsafe_code)]

mod lock;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use multiproc_testkit::fault::{Act, Cue, Fate, Memory, Part, Peer, Scenario, Scene, Start};

use self::lock::{Got, Lock, Me, Unlock};

/// A lock and the pair under it, whose halves are equal whenever nobody is inside.
#[repr(C)]
struct Shared {
    lock: Lock,
    how: AtomicU32,
    pair: [AtomicU32; 2],
}

impl Shared {
    fn how(&self) -> Unlock {
        if self.how.load(SeqCst) == Unlock::WakeOp as u32 { Unlock::WakeOp } else { Unlock::ExchangeThenWake }
    }

    /// Looks at the pair, mends it after a death, changes it.
    fn inside(&self, got: Got, part: &Part) {
        let [left, right] = [0, 1].map(|at| self.pair[at].load(SeqCst));
        match got {
            Got::Ok => {
                part.count("Ok");
                assert_eq!(left, right, "torn, and nobody said so");
            }
            Got::OwnerDied => {
                part.count("OwnerDied");
                self.pair[1].store(left, SeqCst);
            }
        }
        self.change();
    }

    fn change(&self) {
        self.pair.iter().for_each(|half| {
            half.fetch_add(1, SeqCst);
        });
    }

    fn once(&self, me: &Me, part: &Part) {
        self.inside(self.lock.lock(me), part);
        self.lock.unlock(me, self.how());
    }
}

fn laps(shared: &'static Shared, me: &Me, part: &Part) {
    part.wait(Cue::Laps);
    (0..3).for_each(|_| shared.once(me, part));
}

fn newcomer(shared: &'static Shared, part: &Part) {
    laps(shared, &Me::new(), part);
}

/// Holds the lock until the victim sleeps.
fn holder(shared: &'static Shared, part: &Part) {
    let me = Me::new();
    part.wait(Cue::Hold);
    let got = shared.lock.lock(&me);
    part.wait(Cue::Release);
    shared.inside(got, part);
    shared.lock.unlock(&me, shared.how());
    laps(shared, &me, part);
}

/// Queues up when the victim has begun, which holds the lock then.
fn sleeper(shared: &'static Shared, part: &Part) {
    sleep_from(Cue::Begun, shared, part);
}

/// Queues up behind the victim.
fn second_sleeper(shared: &'static Shared, part: &Part) {
    sleep_from(Cue::Asleep, shared, part);
}

fn sleep_from(cue: Cue, shared: &'static Shared, part: &Part) {
    let me = Me::new();
    part.wait(cue);
    shared.once(&me, part);
    laps(shared, &me, part);
}

/// Takes the lock, if it can be had, before the victim is killed, and gives it back afterwards.
fn barger(shared: &'static Shared, part: &Part) {
    let me = Me::new();
    part.wait(Cue::Stopped);
    let got = shared.lock.try_lock(&me);
    part.wait(Cue::Killed);
    if let Some(got) = got {
        shared.inside(got, part);
        shared.lock.unlock(&me, shared.how());
    }
    laps(shared, &me, part);
}

fn owner(shared: &'static Shared, part: &Part) {
    let me = Me::new();
    shared.lock.lock(&me);
    part.begin();
    shared.change();
    shared.lock.unlock(&me, shared.how());
    part.over();
}

/// The owner that calculates for longer than it would be killed at each instruction.
fn slow_owner(shared: &'static Shared, part: &Part) {
    let me = Me::new();
    part.begin();
    shared.lock.lock(&me);
    shared.pair[0].fetch_add(1, SeqCst);
    let mut number = 0_u32;
    while number < 600 {
        number = std::hint::black_box(number + 1);
    }
    shared.pair[1].fetch_add(1, SeqCst);
    shared.lock.unlock(&me, shared.how());
    part.over();
}

fn waiter(shared: &'static Shared, part: &Part) {
    let me = Me::new();
    part.begin();
    shared.lock.lock(&me);
    shared.change();
    shared.lock.unlock(&me, shared.how());
    part.over();
}

fn scene<const HOW: u32>() -> Scene<Shared> {
    // SAFETY: atomic numbers all through, which may be zero.
    let shared = unsafe { Memory::<Shared>::zeroed() }.leak();
    shared.how.store(HOW, SeqCst);
    let start = std::ptr::from_ref(shared).addr();
    let all = start..start + size_of::<Shared>();
    Scene { shared, watched: vec![all] }
}

const RIGHT: fn() -> Scene<Shared> = scene::<{ Unlock::WakeOp as u32 }>;
const PLANTED: fn() -> Scene<Shared> = scene::<{ Unlock::ExchangeThenWake as u32 }>;

fn scenario(
    name: &str,
    scene: fn() -> Scene<Shared>,
    victim: Act<Shared>,
    peers: &[Act<Shared>],
) -> Scenario<Shared> {
    let survivor = |act: &Act<Shared>| Peer { name: "peer", fate: Fate::Survives, act: *act };
    Scenario {
        name: name.to_string(),
        outcomes: &["Ok", "OwnerDied"],
        prepare: || (),
        scene,
        start: Start::Begin,
        victim,
        peers: peers.iter().map(survivor).collect(),
        newcomer,
        must_hit: Vec::new(),
        patience: Duration::from_millis(250),
    }
}

fn main() -> ExitCode {
    // What nextest asks of a program without the harness.
    if std::env::args().any(|argument| argument == "--list") {
        if !std::env::args().any(|argument| argument == "--ignored") {
            println!("fault: test");
        }
        return ExitCode::SUCCESS;
    }
    let right = [
        Scenario { must_hit: vec!["wake"], ..scenario("owner", RIGHT, owner, &[sleeper, barger]) },
        Scenario {
            must_hit: vec!["slow", "wake"],
            ..scenario("waiter", RIGHT, waiter, &[holder, second_sleeper])
        },
        Scenario {
            start: Start::Sleep,
            ..scenario("woken", RIGHT, waiter, &[holder, second_sleeper, barger])
        },
        scenario("slow owner", RIGHT, slow_owner, &[barger]),
    ];
    // Each failure takes the whole patience, and who sleeps here has no heartbeat.
    let patience = Duration::from_millis(60);
    let planted = Scenario { patience, ..scenario("planted", PLANTED, owner, &[sleeper, barger]) };
    let elsewhere = Scenario { must_hit: vec!["slow"], ..scenario("elsewhere", RIGHT, owner, &[]) };

    let awake = Scenario { start: Start::Sleep, ..scenario("awake", RIGHT, owner, &[]) };

    let mut judged = true;
    let mut judge = |holds: bool, what: &str| {
        if !holds {
            println!("FAILED: {what}");
            judged = false;
        }
    };
    let labels = lock::labels();
    for scenario in right {
        let summary = scenario.run(&labels, |failure| println!("{failure}"));
        println!("{}: {summary}", scenario.name);
        judge(summary.failures.is_empty(), "the right lock survives");
        judge(summary.points > 8 && summary.addresses > 4, "it was killed at many instructions");
        let died =
            summary.outcomes.iter().find(|outcome| outcome.0 == "OwnerDied").map_or(0, |outcome| outcome.1);
        judge(died > 0, "some of the dead were inside");
        let recorded = scenario.name == "slow owner";
        judge(recorded == (summary.steps > 1500), "only the slow one is recorded");
        judge(
            !recorded || (summary.points < summary.steps / 2 && summary.missed == 0),
            "it is killed where it was recorded",
        );
    }
    let summary = planted.run(&labels, |_| ());
    println!("planted: {summary}");
    judge(
        summary.failures.iter().any(|failure| failure.contains("asleep for good")),
        "the planted bug is caught",
    );
    judge(summary.failures.len() < summary.points, "and only where it is");
    let summary = elsewhere.run(&labels, |_| ());
    judge(summary.failures.len() == 1, "a label that got no kill point is a failure");
    let summary = awake.run(&labels, |_| ());
    let asleep = "did not fall asleep";
    judge(
        summary.failures.len() == 1 && summary.failures[0].contains(asleep),
        "a victim that never comes to the sleep it is to be killed after is a failure",
    );
    ExitCode::from(u8::from(!judged))
}

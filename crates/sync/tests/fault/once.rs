//! The scenarios of what is made once: who makes it is killed, who waits for it, and who makes it after another's death. `unsafe`:
//! shared memory.
#![allow(clippy::disallowed_types)] // counts beside the cells, not the cells
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::{Mutex, OnceError, OnceLock, WaitError};
use multiproc_testkit::fault::{Act, Cue, Fate, Part, Peer, Scenario, Scene, Start};
use multiproc_testkit::is_running;

use super::family;

/// Shorter than the heartbeat: what one death costs, nobody waits for that.
const PATIENCE: Duration = Duration::from_millis(400);

/// How often it is used after the death: each lap has a cell of its own.
const LAPS: usize = 3;

/// Two numbers that are equal in every value that anybody makes.
type Pair = [u64; 2];

/// The cell under test, and those of the laps.
#[repr(C)]
pub(crate) struct Shared {
    cell: OnceLock<Pair>,
    laps: [OnceLock<Pair>; LAPS],
    /// To have locked once, before what is tested begins.
    spare: Mutex<u64>,
    /// Who makes a value for the cell under test; 0 for nobody.
    maker: AtomicU32,
    /// How many values were begun.
    begun: AtomicU64,
    /// What a survivor has found in the cell under test; 0: none has yet.
    found: AtomicU64,
}

fn scene() -> Scene<Shared> {
    let registry = family::found();
    let value = Shared {
        cell: OnceLock::new(),
        laps: [const { OnceLock::new() }; LAPS],
        spare: Mutex::new(0),
        maker: AtomicU32::new(0),
        begun: AtomicU64::new(0),
        found: AtomicU64::new(0),
    };
    // SAFETY: cells, locks and numbers may be zero.
    let shared = unsafe {
        family::share(value, |shared, placement| {
            family::place(&mut shared.cell, placement);
            family::place(&mut shared.laps, placement);
            family::place(&mut shared.spare, placement);
        })
    };
    Scene { shared, watched: vec![registry, family::range(shared)] }
}

impl Shared {
    /// Makes this process's thread known to the family, which its first turn would do.
    fn attach(&self) {
        drop(self.spare.lock().expect("nobody dies with this one"));
    }

    fn value(&self) -> Pair {
        [self.begun.fetch_add(1, SeqCst) + 1; 2]
    }

    /// Makes a value: nobody else does who is alive.
    fn make(&self) -> Pair {
        let before = self.maker.swap(std::process::id(), SeqCst);
        assert!(before == 0 || !is_running(before), "two make a value");
        let value = self.value();
        self.maker.store(0, SeqCst);
        value
    }

    /// What a survivor has got is whole, and the same for all.
    fn judge(&self, value: Pair) {
        assert_eq!(value[0], value[1], "half a value");
        assert_ne!(value[0], 0, "a value that nobody has made");
        let before = self.found.compare_exchange(0, value[0], SeqCst, SeqCst).unwrap_or_else(|found| found);
        assert!(before == 0 || before == value[0], "two values");
    }

    /// Gets the value, or makes it.
    fn get(&self, part: &Part) {
        let mut name = "Found";
        let value = self.cell.get_or_init(|| {
            name = "Made";
            self.make()
        });
        self.judge(*value.expect("the lock can be had"));
        part.count(name);
    }

    fn wait(&self, part: &Part) {
        self.judge(*self.cell.wait().expect("no signal comes"));
        part.count("Found");
    }
}

/// In each lap a cell is made by one of those who are left, and all find the same in it; and the first cell is as it was.
fn laps(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    for lap in &shared.laps {
        let value = *lap.get_or_init(|| shared.value()).expect("the lock can be had");
        assert_eq!(lap.wait(), Ok(&value));
        assert_eq!(value[0], value[1], "half a value");
        shared.judge(*shared.cell.get().expect("it was made"));
    }
}

fn maker(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let _ = shared.cell.get_or_init(|| shared.make());
    part.over();
}

/// The same, but it has the turn at its beginning, so that others can be asleep.
fn maker_with_the_turn(shared: &'static Shared, part: &Part) {
    shared.attach();
    let _ = shared.cell.get_or_init(|| {
        part.begin();
        shared.make()
    });
    part.over();
}

fn waiter(shared: &'static Shared, part: &Part) {
    part.begin();
    let _ = shared.cell.wait();
    part.over();
}

/// Waits for another that makes a value for a time that passes before it gets it: step by step, before it would sleep.
fn impatient_maker(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let got = shared.cell.get_or_init_timeout(Duration::from_millis(1), || shared.make());
    part.over();
    assert_eq!(got, Err(OnceError::TimedOut), "another has the turn all the time");
}

/// Waits for a value until it is too late, which wakes it from its sleep.
fn impatient_waiter(shared: &'static Shared, part: &Part) {
    part.begin();
    let got = shared.cell.wait_timeout(Duration::from_millis(150));
    part.over();
    assert_eq!(got, Err(WaitError::TimedOut), "nobody makes it");
}

fn survivor(name: &'static str, act: Act<Shared>) -> Peer<Shared> {
    Peer { name, fate: Fate::Survives, act }
}

/// Waits for the value since the victim has begun.
fn waiting() -> Peer<Shared> {
    survivor("waiting", |shared, part| {
        part.wait(Cue::Begun);
        shared.wait(part);
        laps(shared, part);
    })
}

/// Gets the value from this cue on, or makes it.
fn getting(shared: &'static Shared, part: &Part, cue: Cue) {
    shared.attach();
    part.wait(cue);
    shared.get(part);
    laps(shared, part);
}

/// Comes when the victim has begun, and sleeps if that has the turn.
fn second() -> Peer<Shared> {
    survivor("second", |shared, part| getting(shared, part, Cue::Begun))
}

/// Comes when the victim is asleep.
fn behind() -> Peer<Shared> {
    survivor("behind", |shared, part| getting(shared, part, Cue::Asleep))
}

/// Comes when the victim is about to be killed.
fn late() -> Peer<Shared> {
    survivor("late", |shared, part| getting(shared, part, Cue::Stopped))
}

/// Comes when the victim is dead.
fn deputy() -> Peer<Shared> {
    survivor("deputy", |shared, part| getting(shared, part, Cue::Killed))
}

/// Has the turn before the victim begins, until this cue.
fn with_the_turn(shared: &'static Shared, part: &Part, until: Cue) {
    part.wait(Cue::Hold);
    let value = shared.cell.get_or_init(|| {
        part.wait(until);
        shared.make()
    });
    shared.judge(*value.expect("the first one"));
    part.count("Made");
    laps(shared, part);
}

fn holder() -> Peer<Shared> {
    survivor("holder", |shared, part| with_the_turn(shared, part, Cue::Release))
}

fn keeper() -> Peer<Shared> {
    survivor("keeper", |shared, part| with_the_turn(shared, part, Cue::Killed))
}

/// Makes the value when the victim sleeps.
fn setter() -> Peer<Shared> {
    survivor("setter", |shared, part| getting(shared, part, Cue::Release))
}

/// Dies with the turn before the victim begins.
fn dead_maker() -> Peer<Shared> {
    let act: Act<Shared> = |shared, part| {
        part.wait(Cue::Hold);
        let _ = shared.cell.get_or_init(|| {
            shared.maker.store(std::process::id(), SeqCst);
            part.die()
        });
    };
    Peer { name: "dead maker", fate: Fate::Dies, act }
}

/// Dies with the turn when the victim sleeps.
fn dying_maker() -> Peer<Shared> {
    let act: Act<Shared> = |shared, part| {
        part.wait(Cue::Hold);
        let _ = shared.cell.get_or_init(|| {
            shared.maker.store(std::process::id(), SeqCst);
            part.wait(Cue::Release);
            part.die()
        });
    };
    Peer { name: "dying maker", fate: Fate::Dies, act }
}

fn scenario(
    name: &str,
    victim: Act<Shared>,
    peers: Vec<Peer<Shared>>,
    must_hit: &[&'static str],
) -> Scenario<Shared> {
    Scenario {
        name: name.to_string(),
        outcomes: &["Made", "Found"],
        prepare: || (),
        scene,
        start: Start::Begin,
        victim,
        peers,
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
    let (begin, complete) = ("once_begin", "once_complete");
    let (event, wake, slow, recover) = ("event", "wake", "slow", "recover");
    vec![
        scenario("once/maker", maker, vec![deputy()], &[begin, complete]),
        scenario("once/maker+late", maker, vec![waiting(), late()], &[begin, complete, event]),
        scenario("once/maker+second", maker, vec![second(), waiting()], &[]),
        scenario(
            "once/with the turn+sleeping",
            maker_with_the_turn,
            vec![second(), waiting()],
            &[complete, event, wake],
        ),
        scenario("once/behind another", maker, vec![holder(), behind()], &[begin, slow]),
        woken(scenario("once/woken maker", maker, vec![holder(), behind()], &[wake])),
        woken(scenario("once/woken waiter", waiter, vec![setter(), waiting()], &[])),
        scenario("once/maker out of time", impatient_maker, vec![keeper(), behind()], &[begin, slow]),
        woken(scenario("once/waiter out of time", impatient_waiter, vec![deputy(), waiting()], &[])),
        scenario("once/recoverer", maker, vec![dead_maker(), late()], &[begin, recover, complete]),
        woken(scenario("once/heir", maker, vec![dying_maker(), behind()], &[recover, complete, wake])),
    ]
}

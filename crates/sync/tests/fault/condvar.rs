//! The scenarios of the condition variable: who waits is killed, and who notifies. `unsafe`: shared memory.
#![allow(unsafe_code)]

use std::time::Duration;

use multiproc_sync::{Condvar, LockError, LockResult, Mutex, MutexGuard};
use multiproc_testkit::fault::{Act, Cue, Fate, Part, Peer, Scenario, Scene, Start};

use super::family;

/// Shorter than the heartbeat: no survivor here relies on it.
const PATIENCE: Duration = Duration::from_millis(400);

/// A number, and word of its change.
#[repr(C)]
pub(crate) struct Shared {
    number: Mutex<u64>,
    changed: Condvar,
}

/// Who does the laps: two peers and the newcomer.
const SURVIVORS: u64 = 3;

/// What is waited for before the laps.
const READY: u64 = 100;

fn scene() -> Scene<Shared> {
    let registry = family::found();
    let value = Shared { number: Mutex::new(0), changed: Condvar::new() };
    // SAFETY: words and a number may be zero.
    let shared = unsafe {
        family::share(value, |shared, placement| {
            family::place(&mut shared.number, placement);
            family::place(&mut shared.changed, placement);
        })
    };
    Scene { shared, watched: vec![registry, family::range(shared)] }
}

/// The guard, also after a death: the number is whole at any time.
fn whole(result: LockResult<MutexGuard<'_, u64>>) -> MutexGuard<'_, u64> {
    match result {
        Ok(guard) => guard,
        Err(LockError::OwnerDied(mut guard)) => {
            MutexGuard::mark_consistent(&mut guard);
            guard
        }
        Err(error) => panic!("not locked: {error}"),
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, u64> {
        whole(self.number.lock())
    }

    fn wait_for(&self, number: u64) {
        let mut guard = self.lock();
        while *guard < number {
            guard = whole(self.changed.wait(guard));
        }
    }

    fn make_ready(&self) {
        let mut number = self.lock();
        *number = READY.max(*number);
        drop(number);
        self.changed.notify_all();
    }
}

/// In each lap everybody adds one and waits for everybody.
fn laps(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    for lap in 1..=3 {
        *shared.lock() += 1;
        shared.changed.notify_all();
        shared.wait_for(READY + lap * SURVIVORS);
    }
}

fn waiter(shared: &'static Shared, part: &Part) {
    drop(shared.lock());
    part.begin();
    shared.wait_for(READY);
    part.over();
}

/// Gives up after a time.
fn impatient(shared: &'static Shared, part: &Part) {
    drop(shared.lock());
    part.begin();
    let time = Duration::from_millis(150);
    let waited = shared.changed.wait_timeout_while(shared.lock(), time, |number| *number < READY);
    part.over();
    assert!(waited.is_ok_and(|(_, result)| result.timed_out()), "nothing changes meanwhile");
}

fn notifier(shared: &'static Shared, part: &Part) {
    drop(shared.lock());
    part.begin();
    shared.make_ready();
    part.over();
}

/// Notifies one of the two that sleep, then as many as there may be.
fn notifier_of_some(shared: &'static Shared, part: &Part) {
    drop(shared.lock());
    part.begin();
    *shared.lock() = READY;
    shared.changed.notify_one();
    shared.changed.notify(5);
    part.over();
}

fn sleeping(shared: &'static Shared, part: &Part) {
    drop(shared.lock());
    part.wait(Cue::Begun);
    shared.wait_for(READY);
    laps(shared, part);
}

/// Does what the victim may not have come to.
fn deputy(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    shared.make_ready();
    laps(shared, part);
}

fn notifying(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Release);
    shared.make_ready();
    laps(shared, part);
}

fn scenario(
    name: &str,
    start: Start,
    victim: Act<Shared>,
    peers: [(&'static str, Act<Shared>); 2],
    must_hit: &[&'static str],
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
        must_hit: must_hit.to_vec(),
        patience: PATIENCE,
    }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    let company: [(&str, Act<Shared>); 2] = [("sleeping", sleeping), ("notifying", notifying)];
    let sleepers: [(&str, Act<Shared>); 2] = [("sleeping", sleeping), ("deputy", deputy)];
    vec![
        scenario("condvar/waiter", Start::Begin, waiter, company, &[]),
        scenario("condvar/woken", Start::Sleep, waiter, company, &[]),
        scenario("condvar/woken by time", Start::Sleep, impatient, sleepers, &[]),
        scenario("condvar/notifier", Start::Begin, notifier, sleepers, &["notify_all"]),
        scenario("condvar/notifier of some", Start::Begin, notifier_of_some, sleepers, &["notify"]),
    ]
}

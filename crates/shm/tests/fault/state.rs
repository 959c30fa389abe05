//! A value behind a lock in shared memory, whose owner dies in the middle of a change; and how each process that gets it judges what it
//! finds.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use multiproc_shm::{Shared, ShmPlain, ShmSafe};
use multiproc_sync::{LockError, LockResult, Mutex, MutexGuard};
use multiproc_testkit::fault::{Act, Cue, Fate, Part, Peer, Scenario, Scene, Start};

/// How many numbers a row has: more than an instruction can store.
pub(crate) const LEN: usize = 20;

/// Numbers that are equal in every value that anybody means.
pub(crate) type Row = [u64; LEN];

/// What all numbers are before the victim's change.
pub(crate) const OLD: u64 = 7;

/// What all are after it.
pub(crate) const NEW: u64 = 8;

/// Shorter than the heartbeat: what one death costs, nobody waits for that.
pub(crate) const PATIENCE: Duration = Duration::from_millis(400);

/// What lies behind the lock.
pub(crate) trait Guarded: ShmPlain + Send {
    /// The row that is there, if one is.
    fn row(&self) -> Option<&Row>;

    /// Counts all numbers up, as each survivor does; what is not there is made.
    fn count(&mut self);
}

/// What the processes of one kill point share.
#[derive(ShmSafe)]
#[repr(C)]
pub(crate) struct State<T>
where
    T: ShmPlain,
{
    pub(crate) mutex: Mutex<T>,
    /// To have locked once, before what is tested begins.
    spare: Mutex<u64>,
    /// The number that the last survivor has left; 0: none has been inside yet.
    left: AtomicU64,
    /// What the victim's change has led to, by [`coded`], once that was orderly and is over; 0 before.
    ended: AtomicU64,
}

/// A number that is there or not, as one that is never 0.
fn coded(number: Option<u64>) -> u64 {
    number.map_or(1, |number| number + 2)
}

/// A lock of a new family, with this value behind it.
pub(crate) fn scene<T: Guarded>(value: T) -> Scene<State<T>> {
    let state = State {
        mutex: Mutex::new(value),
        spare: Mutex::new(0),
        left: AtomicU64::new(0),
        ended: AtomicU64::new(0),
    };
    let shared: &'static Shared<_> =
        Box::leak(Box::new(Shared::new(state).expect("there is memory for a segment")));
    let start = std::ptr::from_ref::<State<T>>(shared).addr();
    let all = start..start + size_of::<State<T>>();
    Scene { shared, watched: vec![all] }
}

impl<T: Guarded> State<T> {
    /// Makes this process's thread known to the family, which its first lock would do.
    pub(crate) fn attach(&self) {
        drop(self.spare.lock().expect("nobody dies with this one"));
    }

    /// Goes on with what is there, without a look at it before; then looks whether it is what somebody has meant.
    fn inside(&self, got: LockResult<MutexGuard<'_, T>>, part: &Part) {
        let mut guard = match got {
            Ok(guard) => {
                part.count("Ok");
                guard
            }
            Err(LockError::OwnerDied(mut guard)) => {
                part.count("OwnerDied");
                MutexGuard::mark_consistent(&mut guard);
                guard
            }
            Err(error) => panic!("not locked: {error}"),
        };
        let found = number(&*guard);
        match self.left.load(SeqCst) {
            0 => {
                let ended = self.ended.load(SeqCst);
                assert!(ended == 0 || ended == coded(found), "lost: {found:?} after the end of the change");
                part.count(match found {
                    None => "None",
                    Some(OLD) => "Old",
                    Some(NEW) => "New",
                    Some(other) => panic!("nobody has put {other} there"),
                });
            }
            left => assert_eq!(found, Some(left), "another than the last one has left"),
        }
        guard.count();
        let left = number(&*guard).expect("one was made");
        self.left.store(left, SeqCst);
    }

    fn once(&self, part: &Part) {
        self.inside(self.mutex.lock(), part);
    }

    fn laps(&self, part: &Part) {
        part.wait(Cue::Laps);
        (0..3).for_each(|_| self.once(part));
    }
}

/// The number of a row whose numbers are equal.
fn number<T: Guarded>(value: &T) -> Option<u64> {
    let row = value.row()?;
    assert!(row.iter().all(|number| *number == row[0]), "torn: {row:?}");
    Some(row[0])
}

/// Counts up number by number.
pub(crate) fn count_up(row: &mut Row) {
    for number in row {
        *number += 1;
        // Looked at by somebody, or the compiler may store several at once, and never be killed in between.
        std::hint::black_box(&mut *number);
    }
}

/// Comes when the victim is about to be killed, and sleeps if that has the lock.
fn late<T: Guarded>(state: &'static State<T>, part: &Part) {
    from(Cue::Stopped, state, part);
}

/// Sleeps in the lock that the victim has at its beginning.
fn sleeper<T: Guarded>(state: &'static State<T>, part: &Part) {
    from(Cue::Begun, state, part);
}

fn from<T: Guarded>(cue: Cue, state: &'static State<T>, part: &Part) {
    state.attach();
    part.wait(cue);
    state.once(part);
    state.laps(part);
}

/// Takes the lock, and changes what is behind it to `meant`.
pub(crate) fn changes<T: Guarded>(
    state: &'static State<T>,
    part: &Part,
    meant: Option<u64>,
    change: impl FnOnce(&mut T),
) {
    state.attach();
    part.begin();
    if let Ok(mut guard) = state.mutex.lock() {
        change(&mut guard);
    }
    state.ended.store(coded(meant), SeqCst);
    part.over();
}

/// The same, but it has the lock at its beginning, so that others are asleep in it.
pub(crate) fn changes_before_sleepers<T: Guarded>(
    state: &'static State<T>,
    part: &Part,
    meant: Option<u64>,
    change: impl FnOnce(&mut T),
) {
    let mut guard = state.mutex.lock().expect("the first owner");
    part.begin();
    change(&mut guard);
    drop(guard);
    state.ended.store(coded(meant), SeqCst);
    part.over();
}

/// A victim that takes the lock; one survivor comes late.
pub(crate) fn scenario<T: Guarded>(
    name: &str,
    scene: fn() -> Scene<State<T>>,
    victim: Act<State<T>>,
) -> Scenario<State<T>> {
    Scenario {
        name: name.to_string(),
        outcomes: &["Ok", "OwnerDied", "None", "Old", "New"],
        prepare: || (),
        scene,
        start: Start::Begin,
        victim,
        peers: vec![Peer { name: "late", fate: Fate::Survives, act: late }],
        newcomer: |state, part| state.laps(part),
        must_hit: Vec::new(),
        patience: PATIENCE,
    }
}

/// A victim that has the lock; one survivor sleeps, another comes late.
pub(crate) fn scenario_with_a_sleeper<T: Guarded>(
    name: &str,
    scene: fn() -> Scene<State<T>>,
    victim: Act<State<T>>,
) -> Scenario<State<T>> {
    let mut scenario = scenario(name, scene, victim);
    scenario.peers.push(Peer { name: "sleeper", fate: Fate::Survives, act: sleeper });
    scenario.must_hit = vec!["wake"];
    scenario
}

//! The scenarios of the mutex that its owner may lock again: who has several levels of it is killed, and who waits with them.
//! `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // what the lock guards, and a flag beside it
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::{Condvar, LockError, LockResult, ReentrantMutex, ReentrantMutexGuard};
use multiproc_testkit::fault::{Act, Cue, Fate, Part, Peer, Scenario, Scene, Start};

use super::family;

/// Shorter than the heartbeat: no survivor here relies on it.
const PATIENCE: Duration = Duration::from_millis(400);

/// Two numbers that are equal whenever nobody is inside, and one that is waited for.
type Data = [AtomicU64; 3];
const READY: usize = 2;

type Guard<'a> = ReentrantMutexGuard<'a, Data>;

/// What is waited for before the laps.
const ENOUGH: u64 = 100;

/// What the processes of one kill point share.
#[repr(C)]
pub(crate) struct Shared {
    mutex: ReentrantMutex<Data>,
    changed: Condvar,
    /// To have locked once, before what is tested begins.
    spare: ReentrantMutex<u64>,
    /// Which survivor is inside; 0 for nobody.
    visitor: AtomicU32,
}

fn scene() -> Scene<Shared> {
    let registry = family::found();
    let value = Shared {
        mutex: ReentrantMutex::new(Data::default()),
        changed: Condvar::new(),
        spare: ReentrantMutex::new(0),
        visitor: AtomicU32::new(0),
    };
    // SAFETY: words and numbers may be zero.
    let shared = unsafe {
        family::share(value, |shared, placement| {
            family::place(&mut shared.mutex, placement);
            family::place(&mut shared.changed, placement);
            family::place(&mut shared.spare, placement);
        })
    };
    Scene { shared, watched: vec![registry, family::range(shared)] }
}

/// One half after the other.
fn change(data: &Data) {
    (0..2).for_each(|half| _ = data[half].fetch_add(1, SeqCst));
}

impl Shared {
    /// Makes this process's thread known to the family, which its first lock would do.
    fn attach(&self) {
        drop(self.spare.lock().expect("nobody dies with this one"));
    }

    /// A survivor's guard, of mended data.
    fn whole<'g>(&self, got: LockResult<Guard<'g>>, part: &Part) -> Guard<'g> {
        match got {
            Ok(guard) => {
                part.count("Ok");
                guard
            }
            Err(LockError::OwnerDied(mut guard)) => {
                part.count("OwnerDied");
                guard[1].store(guard[0].load(SeqCst), SeqCst);
                Guard::mark_consistent(&mut guard);
                guard
            }
            Err(error) => panic!("not locked: {error}"),
        }
    }

    /// Works at two levels, alone.
    fn nest(&self, got: LockResult<Guard<'_>>, part: &Part) {
        let outer = self.whole(got, part);
        assert_eq!(Guard::depth(&outer), 1, "the depth of another was counted on from");
        let before = self.visitor.swap(std::process::id(), SeqCst);
        assert_eq!(before, 0, "two are inside");
        let inner = self.mutex.lock().expect("its own lock");
        assert_eq!(inner[0].load(SeqCst), inner[1].load(SeqCst), "torn, and nobody said so");
        change(&inner);
        drop(inner);
        change(&outer);
        self.visitor.store(0, SeqCst);
    }

    fn once(&self, part: &Part) {
        self.nest(self.mutex.lock(), part);
    }

    /// With two levels waits for that number.
    fn wait_for(&self, number: u64, part: &Part) {
        let outer = self.whole(self.mutex.lock(), part);
        let mut inner = self.whole(self.mutex.lock(), part);
        while inner[READY].load(SeqCst) < number {
            inner = self.whole(self.changed.wait(inner), part);
        }
        assert_eq!(Guard::depth(&inner), 2, "a level was lost in the wait");
        drop((outer, inner));
    }

    fn make_ready(&self, part: &Part) {
        self.whole(self.mutex.lock(), part)[READY].fetch_max(ENOUGH, SeqCst);
        self.changed.notify_all();
    }

    /// Three laps, once everybody is through.
    fn laps(&self, part: &Part) {
        part.wait(Cue::Laps);
        (0..3).for_each(|_| self.once(part));
    }
}

/// Takes the lock at two levels, changes the data at each, gives them back.
fn owner(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    work(shared, shared.mutex.lock());
    part.over();
}

fn work(shared: &Shared, got: LockResult<Guard<'_>>) {
    if let Ok(outer) = got {
        change(&outer);
        if let Ok(inner) = shared.mutex.lock() {
            change(&inner);
        }
        change(&outer);
    }
}

/// The same, but it has the outer level at its beginning, so that others can be asleep.
fn holding_owner(shared: &'static Shared, part: &Part) {
    let outer = shared.mutex.lock();
    part.begin();
    work(shared, outer);
    part.over();
}

/// The guard that was first goes first.
fn crosswise(shared: &'static Shared, part: &Part) {
    let (outer, inner) = (shared.mutex.lock(), shared.mutex.lock());
    part.begin();
    drop(outer);
    change(&inner.expect("its own lock"));
    part.over();
}

/// Takes over from one that died with two levels.
fn recoverer(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    if let Err(LockError::OwnerDied(mut outer)) = shared.mutex.lock() {
        outer[1].store(outer[0].load(SeqCst), SeqCst);
        Guard::mark_consistent(&mut outer);
        work(shared, shared.mutex.lock());
    }
    part.over();
}

/// Waits with two levels, and works at them afterwards.
fn waiter(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    wait_and_work(shared, |inner| shared.changed.wait_while(inner, is_not_ready).ok());
    part.over();
}

/// The same, until a time.
fn impatient(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let time = Duration::from_millis(150);
    wait_and_work(shared, |inner| Some(shared.changed.wait_timeout_while(inner, time, is_not_ready).ok()?.0));
    part.over();
}

fn is_not_ready(data: &Data) -> bool {
    data[READY].load(SeqCst) < ENOUGH
}

fn wait_and_work<'a>(shared: &'a Shared, wait: impl FnOnce(Guard<'a>) -> Option<Guard<'a>>) {
    let (Ok(outer), Ok(inner)) = (shared.mutex.lock(), shared.mutex.lock()) else { return };
    if let Some(inner) = wait(inner) {
        change(&inner);
        drop(inner);
        change(&outer);
    }
}

fn sleeper(shared: &'static Shared, part: &Part) {
    lock_from(Cue::Begun, shared, part);
}

fn late_sleeper(shared: &'static Shared, part: &Part) {
    lock_from(Cue::Stopped, shared, part);
}

fn lock_from(cue: Cue, shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(cue);
    shared.once(part);
    shared.laps(part);
}

/// Takes the lock, if the victim has given it back, just before the victim is killed; gives it back when that is dead.
fn barger(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Stopped);
    let guard = match shared.mutex.try_lock() {
        Err(LockError::TimedOut) => None,
        got => Some(shared.whole(got, part)),
    };
    part.wait(Cue::Killed);
    drop(guard);
    shared.laps(part);
}

/// Dies with two levels before the victim begins.
fn dead_owner(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    let guards = (shared.mutex.lock(), shared.mutex.lock());
    guards.1.expect("the first owner")[0].fetch_add(1, SeqCst);
    part.die();
}

fn sleeping(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Begun);
    shared.wait_for(ENOUGH, part);
    shared.laps(part);
}

fn notifying(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Release);
    shared.make_ready(part);
    shared.laps(part);
}

/// Comes when all others are through.
fn newcomer(shared: &'static Shared, part: &Part) {
    shared.laps(part);
}

/// Makes ready when the victim's time is over.
fn deputy(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    shared.make_ready(part);
    shared.laps(part);
}

fn scenario(
    name: &str,
    start: Start,
    victim: Act<Shared>,
    peers: &[(&'static str, Fate, Act<Shared>)],
    must_hit: &[&'static str],
) -> Scenario<Shared> {
    Scenario {
        name: format!("reentrant mutex/{name}"),
        outcomes: &["Ok", "OwnerDied"],
        prepare: || (),
        scene,
        start,
        victim,
        peers: peers.iter().map(|(name, fate, act)| Peer { name, fate: *fate, act: *act }).collect(),
        newcomer,
        must_hit: must_hit.to_vec(),
        patience: PATIENCE,
    }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    type Company = (&'static str, Fate, Act<Shared>);
    let sleeping_in_it: Company = ("sleeper", Fate::Survives, sleeper);
    let late: Company = ("late sleeper", Fate::Survives, late_sleeper);
    let barging: Company = ("barger", Fate::Survives, barger);
    let dead: Company = ("dead owner", Fate::Dies, dead_owner);
    let waiting: Company = ("sleeping", Fate::Survives, sleeping);
    let bringing: Company = ("notifying", Fate::Survives, notifying);
    let standing_in: Company = ("deputy", Fate::Survives, deputy);
    let again = "take_again";
    vec![
        scenario("owner/alone", Start::Begin, owner, &[], &[]),
        scenario("owner/barging", Start::Begin, owner, &[barging], &[]),
        scenario("owner/late sleeping", Start::Begin, owner, &[late], &[]),
        scenario("owner/sleeping", Start::Begin, holding_owner, &[sleeping_in_it], &["wake"]),
        scenario("crosswise/sleeping", Start::Begin, crosswise, &[sleeping_in_it], &["wake"]),
        scenario("recoverer/alone", Start::Begin, recoverer, &[dead], &["recover"]),
        scenario("recoverer/barging", Start::Begin, recoverer, &[dead, barging], &["recover"]),
        scenario("waiter", Start::Begin, waiter, &[waiting, bringing], &[again]),
        scenario("woken", Start::Sleep, waiter, &[waiting, bringing], &[again]),
        scenario("woken by time", Start::Sleep, impatient, &[waiting, standing_in], &[again]),
    ]
}

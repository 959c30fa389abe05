//! The scenarios of the group: a member is killed at work and when it is done, one that joins, one that finishes, one that waits, one
//! that finds a dead member, and one that takes its piece over. `unsafe`: shared memory.
#![allow(unsafe_code)]

use std::time::Duration;

use multiproc_sync::{MAX_HELD, Mutex, MutexGuard, WaitGroup, WaitGroupError};
use multiproc_testkit::fault::{Act, Cue, Fate, Part, Peer, Scenario, Scene, Start};
use multiproc_testkit::{LIMIT, holds_within, is_running};

use super::family;

/// Longer than the heartbeat, with which the death of a member is seen, and than what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is waited for, and what gives a process its name before what is tested begins.
#[repr(C)]
pub(crate) struct Shared {
    pub(super) group: WaitGroup,
    spare: WaitGroup,
    /// Whoever has all of them can lock no group.
    locks: [Mutex<()>; MAX_HELD],
}

fn scene() -> Scene<Shared> {
    let registry = family::found();
    let locks = [const { Mutex::new(()) }; MAX_HELD];
    let value = Shared { group: WaitGroup::new(), spare: WaitGroup::new(), locks };
    // SAFETY: words and numbers may be zero.
    let shared = unsafe {
        family::share(value, |shared, placement| {
            family::place(&mut shared.group, placement);
            family::place(&mut shared.spare, placement);
            family::place(&mut shared.locks, placement);
        })
    };
    shared.group.add(1).expect("there is room");
    Scene { shared, watched: vec![registry, family::range(&shared.group), family::range(&shared.spare)] }
}

impl Shared {
    pub(super) fn attach(&self) {
        self.spare.members().expect("nobody keeps it");
    }

    /// Takes all the locks that a thread can hold.
    pub(super) fn hold_all(&self) -> [MutexGuard<'_, ()>; MAX_HELD] {
        self.locks.each_ref().map(|lock| lock.lock().expect("nobody dies with it who lets others have it"))
    }

    /// Waits to the end. A death on the way is true, and its piece is done for the dead one.
    fn wait(&self, part: &Part) {
        loop {
            match self.group.wait() {
                Ok(()) => return part.count("Ok"),
                Err(WaitGroupError::MemberDied { pid }) => {
                    part.count("MemberDied");
                    assert!(!is_running(pid), "the member that is said to be dead runs");
                    // Of those who were told, one acts.
                    drop(self.group.take_over().expect("it can be reached"));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Everybody has a piece of its own, and waits for all.
pub(super) fn laps(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    for _ in 0..3 {
        drop(shared.group.add_member().expect("there is room"));
        shared.group.wait().expect("nobody dies here");
    }
}

/// Enters the only piece, and is done.
fn worker(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    if let Ok(member) = shared.group.enter() {
        drop(member);
    }
    part.over();
}

/// Announces a piece of its own, and is done.
fn joiner(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    drop(shared.group.add_member());
    part.over();
}

/// Takes over a dead member's piece, and is done.
fn heir(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    drop(shared.group.take_over());
    part.over();
}

/// Does the only piece without entering it.
fn stranger(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    let _ = shared.group.done();
    part.over();
}

fn waiter(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.begin();
    // Without a result: it is told of a death, or not.
    let _ = shared.group.wait_timeout(Duration::from_secs(60));
    part.over();
}

fn waiting(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Begun);
    shared.wait(part);
    laps(shared, part);
}

/// As [`deputy`], and wakes whom the victim did not come to wake: that the heartbeat does, too, takes a second each time.
fn waking_deputy(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    if shared.group.remaining() == Ok(0) {
        drop(shared.group.add_member().expect("there is room"));
    }
    deputy(shared, part);
}

/// Does what the victim did not come to before it had entered.
fn deputy(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Killed);
    let nobodys = |shared: &Shared| {
        let left = shared.group.remaining().expect("it can be reached");
        left - shared.group.members().expect("it can be reached") as u64
    };
    // A dead member that nobody has found may be found in between: then its piece is done by who was told.
    let told = shared.group.try_wait();
    if !matches!(told, Err(WaitGroupError::MemberDied { .. })) {
        (0..nobodys(shared)).for_each(|_| _ = shared.group.done());
    }
    shared.wait(part);
    laps(shared, part);
}

/// Does the piece that is nobody's, of which there is one only.
fn auditor(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Killed);
    shared.group.done().expect("the first piece is nobody's");
    assert_orphanless(shared);
    shared.wait(part);
    assert_empty(shared);
    laps(shared, part);
}

/// Waits for what a dead member has left, and nobody else.
fn heirs_auditor(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Killed);
    assert_orphanless(shared);
    shared.wait(part);
    assert_empty(shared);
    laps(shared, part);
}

/// Nothing is left of what there was: no piece, no member by number or by name.
fn assert_empty(shared: &Shared) {
    assert_eq!((shared.group.remaining(), shared.group.members()), (Ok(0), Ok(0)));
    let is_shown_empty = || format!("{:?}", shared.group) == "WaitGroup { remaining: 0, members: [], .. }";
    assert!(holds_within(LIMIT, is_shown_empty), "{:?}", shared.group); // another may have it locked at the moment
}

fn assert_orphanless(shared: &Shared) {
    assert_eq!(shared.group.done(), Err(WaitGroupError::NothingAnnounced), "a piece is nobody's");
}

/// Does the piece when the victim sleeps.
fn worker_who_lives(shared: &'static Shared, part: &Part) {
    shared.attach();
    part.wait(Cue::Release);
    drop(shared.group.enter().expect("it is announced"));
    laps(shared, part);
}

/// Dies at the piece before the victim begins.
fn dead_worker(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Hold);
    std::mem::forget(shared.group.enter().expect("it is announced"));
    part.die();
}

/// The victim's company: its name, its fate, and what it does.
pub(super) type Company = (&'static str, Fate, Act<Shared>);

pub(super) fn scenario(
    name: &str,
    start: Start,
    victim: Act<Shared>,
    peers: &[Company],
    must_hit: &[&'static str],
) -> Scenario<Shared> {
    Scenario {
        name: format!("wait group/{name}"),
        outcomes: &["Ok", "MemberDied"],
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

pub(super) const WAITING: Company = ("waiting", Fate::Survives, waiting);
pub(super) const AUDITOR: Company = ("auditor", Fate::Survives, auditor);

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    let deputy: Company = ("deputy", Fate::Survives, deputy);
    let waking_deputy: Company = ("waking deputy", Fate::Survives, waking_deputy);
    let heirs_auditor: Company = ("auditor of the heir", Fate::Survives, heirs_auditor);
    let lives: Company = ("worker who lives", Fate::Survives, worker_who_lives);
    let dead: Company = ("dead worker", Fate::Dies, dead_worker);
    let taken_over = &["wait_group_take_over"];
    vec![
        scenario("member", Start::Begin, worker, &[WAITING, deputy], &[]),
        scenario("joiner", Start::Begin, joiner, &[WAITING, AUDITOR], &[]),
        scenario("heir", Start::Begin, heir, &[dead, heirs_auditor], taken_over),
        scenario("stranger", Start::Begin, stranger, &[WAITING, waking_deputy], &[]),
        scenario("woken", Start::Sleep, waiter, &[lives], &[]),
        scenario("finder", Start::Begin, waiter, &[dead, deputy], &[]),
    ]
}

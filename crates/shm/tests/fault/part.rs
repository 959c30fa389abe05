//! The scenarios of an array's parts: who receives one, writes it, gives it up, keeps it or sends it on is killed; its splitter gets it back, told if it may be
//! torn, and never while somebody has it. `unsafe`: shared memory.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicI32, AtomicU32};

use multiproc_shm::{ArrayPart, JoinError, SharedArray, Split, family, transfer};
use multiproc_testkit::fault::eventually;
use multiproc_testkit::fault::{Act, Cue, Fate, Memory, Part, Peer, Scenario, Scene, Start};

use super::array::{PATIENCE, use_it};
use super::wire::{Wire, put};

/// What all elements are before the victim's change.
pub(crate) const OLD: u64 = 7;
/// What its part is after it.
pub(crate) const NEW: u64 = 8;

/// The victim gives the part up, or has: only from then on may another have it, as it has its message's descriptor before.
const GIVING_UP: u32 = 1;

#[repr(C)]
pub(crate) struct Shared {
    /// A descriptor of the array's file, which nobody counts.
    pub(crate) file: AtomicI32,
    /// What the victim is about.
    pub(crate) stage: AtomicU32,
    /// The array comes by it.
    pub(crate) first: Wire,
    pub(crate) there: Wire,
    pub(crate) on: Wire,
}

fn scene() -> Scene<Shared> {
    family::registry().unwrap();
    // SAFETY: numbers, which may be zero.
    let shared = unsafe { Memory::<Shared>::zeroed() }.leak();
    let (file, all) = put(&shared.first, &SharedArray::from_slice(&[OLD; 20]).unwrap());
    shared.file.store(file, SeqCst);
    shared.there.open();
    shared.on.open();
    Scene { shared, watched: vec![all] }
}

/// Receives a part, writes it, and gives it up.
fn owner(shared: &'static Shared, part: &Part) {
    let parcel = shared.there.take();
    part.begin();
    let mut its: ArrayPart<u64> = parcel.open().unwrap();
    for element in its.as_mut_slice() {
        *element = NEW;
        std::hint::black_box(&mut *element); // one store after the other
    }
    shared.stage.store(GIVING_UP, SeqCst);
    drop(its);
    part.over();
}

/// Has a part, and sends it on.
fn forwarder(shared: &'static Shared, part: &Part) {
    let its: ArrayPart<u64> = shared.there.take().open().unwrap();
    part.begin();
    shared.on.send(&its);
    part.over();
    drop(its);
}

/// Has a part whose messages do not go: the first is dropped beside it, the second after it.
fn keeper(shared: &'static Shared, part: &Part) {
    let mut its: ArrayPart<u64> = shared.there.take().open().unwrap();
    part.begin();
    drop(transfer::encoding(0, || postcard::to_stdvec(&its)));
    for element in its.as_mut_slice() {
        *element = NEW;
        std::hint::black_box(&mut *element); // one store after the other
    }
    let unsent = transfer::encoding(0, || postcard::to_stdvec(&its));
    shared.stage.store(GIVING_UP, SeqCst);
    drop(its);
    drop(unsent);
    part.over();
}

/// An array of whose two parts the victim gets the first.
pub(crate) fn give(shared: &'static Shared) -> Split<u64> {
    let array: SharedArray<u64> = shared.first.take().open().unwrap();
    let mut split = array.split(2).unwrap();
    shared.there.send(&split.take(0).unwrap().unwrap());
    split
}

/// Looks while the victim is stopped, and has the part back when it is dead.
fn splitter(shared: &'static Shared, part: &Part) {
    let mut split = give(shared);
    part.wait(Cue::Stopped);
    let had = split.take(0).unwrap();
    assert!(shared.stage.load(SeqCst) == GIVING_UP || had.is_none(), "taken from a living owner");
    drop(had);
    part.wait(Cue::Killed);
    eventually("nobody has the part", || split.missing().unwrap().is_empty());
    let mut its = split.take(0).unwrap().unwrap();
    let (first, last) = (its.read()[0], its.read()[9]);
    part.count(match (its.may_be_torn(), first, last) {
        (true, ..) => "torn",
        (false, OLD, OLD) => "old",
        (false, NEW, NEW) => "new",
        (false, ..) => panic!("torn, and nobody says so: {its:?}"),
    });
    assert!(its.may_be_torn() || its.read().iter().all(|element| *element == first));
    its.as_mut_slice().fill(OLD);
    its.mark_consistent();
    drop(its);
    use_it(split.join().unwrap());
    laps(shared, part);
}

/// The same, of a part that may have gone on to the splitter itself.
fn splitter_and_next(shared: &'static Shared, part: &Part) {
    let split = give(shared);
    part.wait(Cue::Stopped);
    let Err(JoinError::Missing(mut split, 0)) = split.join() else {
        panic!("joined though the victim has a part, or a message")
    };
    part.wait(Cue::Killed);
    match shared.on.try_take().map(|parcel| parcel.open::<ArrayPart<u64>>()) {
        None => part.count("lost"),
        Some(received) => {
            part.count("sent");
            let received = received.unwrap();
            assert!(split.take(0).unwrap().is_none(), "it has arrived");
            assert_eq!(*received.read(), [OLD; 10]);
        }
    }
    eventually("nobody has the part", || split.missing().unwrap().is_empty());
    split.take(0).unwrap().unwrap().mark_consistent(); // who was killed with it may have torn it, for all that is known
    use_it(split.join().unwrap());
    laps(shared, part);
}

pub(crate) fn laps(_: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    (0..3).for_each(|_| use_it(SharedArray::from_slice(&[OLD; 20]).unwrap()));
}

pub(crate) fn scenario(
    name: &str,
    victim: Act<Shared>,
    survivor: Act<Shared>,
    outcomes: &'static [&'static str],
) -> Scenario<Shared> {
    Scenario {
        name: name.to_string(),
        outcomes,
        prepare: || (),
        scene,
        start: Start::Begin,
        victim,
        peers: vec![Peer { name: "survivor", fate: Fate::Survives, act: survivor }],
        newcomer: laps,
        must_hit: vec![],
        patience: PATIENCE,
    }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    vec![
        scenario("part/owner", owner, splitter, &["torn", "old", "new"]),
        scenario("part/keeper", keeper, splitter, &["torn", "old", "new"]),
        scenario("part/forwarder", forwarder, splitter_and_next, &["sent", "lost"]),
    ]
}

//! The scenarios of arrays: who changes an array's mode, or has a handle of one, is killed; what it leaves is in one mode, and who is left becomes
//! the only holder. `unsafe`: shared memory.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicI32, AtomicU32};
use std::time::Duration;

use multiproc_shm::{ArrayPart, AtomicArray, ModeError, SharedArray, family};
use multiproc_testkit::fault::eventually;
use multiproc_testkit::fault::{Act, Cue, Fate, Memory, Part, Peer, Scenario, Scene, Start};

use super::wire::{Parcel, Wire, put, reopen};

pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What all elements are.
const OLD: u64 = 7;

/// Where the array is.
#[repr(C)]
pub(crate) struct Shared {
    /// A descriptor of its file, which nobody counts.
    file: AtomicI32,
    /// The victim drops its array, or has.
    dropping: AtomicU32,
    first: Wire,
    on: Wire,
}

fn scene() -> Scene<Shared> {
    family::registry().unwrap();
    // SAFETY: numbers, which may be zero.
    let shared = unsafe { Memory::<Shared>::zeroed() }.leak();
    let (file, all) = put(&shared.first, &new());
    shared.file.store(file, SeqCst);
    shared.on.open();
    Scene { shared, watched: vec![all] }
}

fn new() -> SharedArray<u64> {
    SharedArray::from_slice(&[OLD; 20]).unwrap()
}

/// Has an array alone, and changes its mode there and back.
fn changer(shared: &'static Shared, part: &Part) {
    let array: SharedArray<u64> = shared.first.take().open().unwrap();
    part.begin();
    let array = array.into_atomics().unwrap().into_locked();
    part.over();
    drop(array);
}

/// The same, of an array of atomics, there alone.
fn locker(shared: &'static Shared, part: &Part) {
    let array: SharedArray<u64> = shared.first.take().open().unwrap();
    let atomics = array.into_atomics().unwrap();
    part.begin();
    let array = atomics.into_locked();
    part.over();
    drop(array);
}

/// Looks at what the dead one has left.
fn looking(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    let parcel = Parcel::like(&new(), reopen(shared.file.load(SeqCst)));
    let atomics = parcel.try_clone().open::<AtomicArray<u64>>();
    let locked = parcel.try_clone().open::<SharedArray<u64>>();
    assert!(parcel.open::<ArrayPart<u64>>().is_err(), "it has no parts");
    match (locked, atomics) {
        (Ok(array), Err(_)) => {
            part.count("locked");
            assert_eq!(array.to_vec().unwrap(), [OLD; 20]);
            use_it(array);
        }
        (Err(_), Ok(atomics)) => {
            part.count("atomic");
            assert!(atomics.iter().all(|element| element.load(SeqCst) == OLD));
            use_it(alone(atomics, AtomicArray::into_locked));
        }
        (locked, atomics) => panic!("in one mode or the other: {locked:?}, {atomics:?}"),
    }
    laps(shared, part);
}

/// Receives an array, looks at it, and drops it.
fn receiver(shared: &'static Shared, part: &Part) {
    let parcel = shared.on.take();
    part.begin();
    let array: SharedArray<u64> = parcel.open().unwrap();
    let seen = array.get(3).unwrap();
    shared.dropping.store(1, SeqCst);
    drop(array);
    part.over();
    assert_eq!(seen, Some(OLD));
}

/// Drops an array that it has.
fn dropper(shared: &'static Shared, part: &Part) {
    let array: SharedArray<u64> = shared.on.take().open().unwrap();
    shared.dropping.store(1, SeqCst);
    part.begin();
    drop(array);
    part.over();
}

/// Has sent the victim an array, and has it alone in the end.
fn sender(shared: &'static Shared, part: &Part) {
    let array: SharedArray<u64> = shared.first.take().open().unwrap();
    shared.on.send(&array);
    part.wait(Cue::Stopped);
    let array = match array.into_atomics() {
        Err(ModeError::Elsewhere(array)) => {
            part.count("had");
            array
        }
        Ok(atomics) => {
            assert!(shared.dropping.load(SeqCst) == 1, "changed beside a living holder");
            part.count("dropped");
            atomics.into_locked().unwrap()
        }
        Err(error) => panic!("{error}"),
    };
    part.wait(Cue::Killed);
    assert_eq!(array.to_vec().unwrap(), [OLD; 20]);
    use_it(alone(array, SharedArray::into_atomics).into_locked().unwrap());
    laps(shared, part);
}

/// The mode is changed once nobody else has the array: the dead do not.
fn alone<A, B>(array: A, change: fn(A) -> Result<B, ModeError<A>>) -> B {
    let (mut before, mut after) = (Some(array), None);
    eventually("the dead have no array", || match change(before.take().unwrap()) {
        Ok(array) => {
            after = Some(array);
            true
        }
        Err(error) => {
            before = Some(error.into_array());
            false
        }
    });
    after.unwrap()
}

/// All that is done with an array.
pub(crate) fn use_it(array: SharedArray<u64>) {
    array.write().unwrap()[0] += 1;
    let atomics = alone(array, SharedArray::into_atomics);
    atomics[0].fetch_add(1, SeqCst);
    let mut split = atomics.into_locked().unwrap().split(3).unwrap();
    for mut part in split.take_all().unwrap() {
        part.as_mut_slice()[0] += 1;
    }
    assert_eq!(split.join().unwrap().get(0).unwrap(), Some(OLD + 3));
}

fn laps(_: &'static Shared, part: &Part) {
    part.wait(Cue::Laps);
    (0..3).for_each(|_| use_it(new()));
}

fn scenario(
    name: &str,
    victim: Act<Shared>,
    peer: Peer<Shared>,
    outcomes: &'static [&'static str],
) -> Scenario<Shared> {
    Scenario {
        name: name.to_string(),
        outcomes,
        prepare: || (),
        scene,
        start: Start::Begin,
        victim,
        peers: vec![peer],
        newcomer: laps,
        must_hit: vec![],
        patience: PATIENCE,
    }
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    let peer = |name, act| Peer { name, fate: Fate::Survives, act };
    vec![
        scenario("array/changer", changer, peer("looking", looking), &["locked", "atomic"]),
        scenario("array/locker", locker, peer("looking", looking), &["locked", "atomic"]),
        scenario("array/dropper", dropper, peer("sender", sender), &["had", "dropped"]),
        scenario("array/receiver", receiver, peer("sender", sender), &["had", "dropped"]),
    ]
}

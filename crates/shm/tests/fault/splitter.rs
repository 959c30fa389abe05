//! The scenarios of a splitter's own death: the array is whole or in parts, whoever has a part keeps it, nobody is locked out, and what nobody
//! has is gone.

use std::sync::atomic::Ordering::SeqCst;

use multiproc_shm::{ArrayPart, MAX_PARTS, SharedArray, transfer};
use multiproc_testkit::fault::eventually;
use multiproc_testkit::fault::{Cue, Part, Scenario};
use nix::fcntl::{FcntlArg, fcntl};

use super::array::use_it;
use super::part::{NEW, OLD, Shared, laps, scenario};
use super::wire::{Parcel, reopen};

/// The byte that holders of an array lock; behind it lie those of its parts.
const HOLD_BYTE: libc::off_t = 1 << 62;

/// Splits an array.
fn splits(shared: &'static Shared, part: &Part) {
    let array: SharedArray<u64> = shared.first.take().open().unwrap();
    part.begin();
    let split = array.split(2);
    part.over();
    drop(split);
}

/// Joins an array of which another has given a part up.
fn joins(shared: &'static Shared, part: &Part) {
    let mut split = shared.first.take().open::<SharedArray<u64>>().unwrap().split(2).unwrap();
    shared.there.send(&split.take(0).unwrap().unwrap());
    part.begin();
    let array = split.join();
    part.over();
    drop(array);
}

/// Takes a part back that died on its way, and sends it once more.
fn takes(shared: &'static Shared, part: &Part) {
    let mut split = shared.first.take().open::<SharedArray<u64>>().unwrap().split(2).unwrap();
    let lost = split.take(0).unwrap().unwrap();
    let (bytes, message) = transfer::encoding(0, || postcard::to_stdvec(&lost));
    let [said @ .., torn] =
        <[u8; 5]>::try_from(bytes.unwrap()).expect("two descriptors, the index, the number");
    assert_eq!(torn, 0);
    shared.stage.store(u32::from_le_bytes(said), SeqCst);
    message.transfers.commit();
    drop((message, lost));
    part.begin();
    let its = split.take(0).unwrap().unwrap();
    shared.on.send(&its);
    part.over();
}

/// What the dead one has left, with no part of it anywhere.
fn looking(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Killed);
    look(shared, part, [OLD; 20]);
    laps(shared, part);
}

/// Has given up a part before the victim joins.
fn owner(shared: &'static Shared, part: &Part) {
    part.wait(Cue::Begun);
    let mut its: ArrayPart<u64> = shared.there.take().open().unwrap();
    its.as_mut_slice().fill(NEW);
    drop(its);
    part.wait(Cue::Killed);
    let mut expected = [OLD; 20];
    expected[..10].fill(NEW);
    look(shared, part, expected);
    laps(shared, part);
}

fn look(shared: &Shared, part: &Part, expected: [u64; 20]) {
    match again(shared).open::<SharedArray<u64>>() {
        Ok(array) => {
            part.count("locked");
            assert_eq!(array.to_vec().unwrap(), expected);
            array.write().unwrap().fill(OLD);
            use_it(array);
        }
        Err(error) => {
            assert!(error.contains("in mode Split"), "in one mode or the other: {error}");
            part.count("split");
        }
    }
    eventually("nobody holds what nobody can join", || is_free(shared));
}

/// Has the bytes of the message that died, and gets what the victim sends.
fn receiver(shared: &'static Shared, part: &Part) {
    let old = || {
        let mut bytes = shared.stage.load(SeqCst).to_le_bytes().to_vec();
        bytes.push(0); // not torn
        again(shared).with_bytes(bytes).open::<ArrayPart<u64>>()
    };
    part.wait(Cue::Stopped);
    let beside = old();
    let message = shared.on.try_take();
    assert!(beside.is_err() || message.is_none(), "an old message brings it");
    part.wait(Cue::Killed);
    let new = message.map(|message| message.open::<ArrayPart<u64>>().expect("the last message brings it"));
    // Whoever was about to take it back locks nobody out any more.
    let mut received = match (beside, old()) {
        (Ok(its), Err(_)) => Some(its),
        (Err(_), Ok(its)) => {
            assert!(new.is_none(), "an old message brings it");
            Some(its)
        }
        (Err(_), Err(_)) => None,
        (Ok(_), Ok(_)) => panic!("an old message brings it twice"),
    };
    part.count(match (&received, &new) {
        (Some(_), _) => "old",
        (None, Some(_)) => "new",
        (None, None) => "taken",
    });
    if let Some(its) = received.as_mut() {
        its.as_mut_slice()[0] += 1;
    }
    drop((received, new));
    eventually("nobody holds what nobody can join", || is_free(shared));
    laps(shared, part);
}

/// The array as a message brings it, by a description that has no lock.
fn again(shared: &Shared) -> Parcel {
    let another = SharedArray::from_slice(&[OLD; 20]).unwrap();
    Parcel::like(&another, reopen(shared.file.load(SeqCst)))
}

/// Whether nobody holds the array, nor a part of it.
fn is_free(shared: &Shared) -> bool {
    let mut lock = libc::flock {
        l_type: libc::F_WRLCK as _,
        l_whence: libc::SEEK_SET as _,
        l_start: HOLD_BYTE,
        l_len: 1 + MAX_PARTS as libc::off_t,
        l_pid: 0,
    };
    fcntl(reopen(shared.file.load(SeqCst)), FcntlArg::F_OFD_GETLK(&mut lock)).unwrap();
    i32::from(lock.l_type) == libc::F_UNLCK
}

/// All of them.
pub(crate) fn scenarios() -> Vec<Scenario<Shared>> {
    vec![
        scenario("splitter/splits", splits, looking, &["locked", "split"]),
        scenario("splitter/takes", takes, receiver, &["old", "taken", "new"]),
        scenario("splitter/joins", joins, owner, &["split", "locked"]),
    ]
}

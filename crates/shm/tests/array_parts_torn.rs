//! Parts of arrays that may be torn, until somebody has mended them.

mod common;

use std::os::fd::AsRawFd;

use common::{alone, fork, idle, kill, pack, unpack};
use multiproc_shm::{ArrayPart, SharedArray, ShmError, Split, transfer};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

fn split(len: usize, n: usize) -> Split<u64> {
    SharedArray::from_fn(len, |i| i as u64).unwrap().split(n).unwrap()
}

fn take(split: &mut Split<u64>, index: usize) -> ArrayPart<u64> {
    split.take(index).unwrap().expect("nobody has it")
}

/// A part that may be torn, of one whose thread has panicked with it.
fn torn(split: &mut Split<u64>, index: usize) -> ArrayPart<u64> {
    let part = take(split, index);
    std::thread::spawn(move || {
        let _part = part;
        panic!("in the middle");
    })
    .join()
    .unwrap_err();
    take(split, index)
}

#[test]
fn that_a_part_may_be_torn_goes_along_with_it() {
    alone(|| {
        let mut split = split(4, 2);
        let parcel = pack(&torn(&mut split, 1)).unwrap();
        let received: ArrayPart<u64> = unpack(parcel).unwrap();
        assert!(received.may_be_torn());
        drop(received);
        let part = take(&mut split, 1);
        assert!(part.may_be_torn(), "its receiver has not mended it");

        drop(pack(&part).unwrap());
        assert!(!split.missing().unwrap().contains(&1), "its message is gone");
        assert!(take(&mut split, 1).may_be_torn(), "nobody has seen it");

        let mut received: ArrayPart<u64> = unpack(pack(&take(&mut split, 1)).unwrap()).unwrap();
        received.mark_consistent();
        let received: ArrayPart<u64> = unpack(pack(&received).unwrap()).unwrap();
        assert!(!received.may_be_torn());
        drop(received);
        assert!(split.join().is_ok());
    });
}

#[test]
fn a_message_that_did_not_go_leaves_a_torn_part_torn() {
    alone(|| {
        let mut split = split(4, 2);
        let part = torn(&mut split, 0);
        let (_, sent) = transfer::encoding(0, || postcard::to_stdvec(&part).unwrap());
        drop(part);
        drop(sent);
        assert!(take(&mut split, 0).may_be_torn());
    });
}

/// Each part takes a descriptor: those that were taken before there was none are here again, and what they were.
#[test]
fn parts_that_were_not_all_taken_are_as_they_were() {
    alone(|| {
        let mut split = split(4, 4);
        drop(torn(&mut split, 0));
        let limit =
            |to| setrlimit(Resource::RLIMIT_NOFILE, to, getrlimit(Resource::RLIMIT_NOFILE).unwrap().1);
        let (before, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let next = std::fs::File::open("/dev/null").unwrap();
        limit(next.as_raw_fd() as u64 + 2).unwrap();
        let refusal = split.take_all().unwrap_err();
        assert!(matches!(refusal, ShmError::Kernel { .. }), "{refusal}");
        limit(before).unwrap();
        let torn: Vec<_> = split.take_all().unwrap().iter().map(ArrayPart::may_be_torn).collect();
        assert_eq!(torn, [true, false, false, false]);
    });
}

/// A fork that lives on does not hold the array by the descriptor of a part that its owner has dropped.
#[test]
fn a_fork_keeps_nobody_from_being_alone_by_a_part() {
    alone(|| {
        let mut split = split(4, 2);
        let part = take(&mut split, 0);
        let child = fork(|| idle());
        drop(part);
        let array = split.join().unwrap();
        assert!(array.into_atomics().is_ok());
        kill(child);
    });
}

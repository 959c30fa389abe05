//! Parts of arrays: owned, sent, lost, taken back, joined.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use common::{Parcel, alone, fork, idle, kill, pack, reap, send, unpack};
use multiproc_shm::transfer::{self, Refusal};
use multiproc_shm::{ArrayPart, JoinError, MAX_PARTS, ModeError, Shared, SharedArray, ShmError, Split};
use multiproc_sync::LockError;
use multiproc_testkit::eventually;

fn split(len: usize, n: usize) -> Split<u64> {
    SharedArray::from_fn(len, |i| i as u64).unwrap().split(n).unwrap()
}

fn take(split: &mut Split<u64>, index: usize) -> ArrayPart<u64> {
    split.take(index).unwrap().expect("nobody has it")
}

fn refused(error: Refusal) -> ShmError {
    *error.downcast::<ShmError>().unwrap()
}

/// A fork that receives the part, and does this with it.
fn with_part(parcel: Parcel, act: impl FnOnce(ArrayPart<u64>)) -> multiproc_testkit::fork::Fork {
    let mut parcel = Some(parcel);
    fork(|| act(unpack(parcel.take().unwrap()).unwrap()))
}

#[test]
fn parts_are_disjoint_balanced_and_joined() {
    alone(|| {
        let mut split = split(10, 3);
        assert_eq!((split.count(), split.ranges().collect::<Vec<_>>()), (3, vec![0..4, 4..7, 7..10]));
        let mut parts = split.take_all().unwrap();
        assert_eq!(split.missing().unwrap(), [0, 1, 2]);
        for part in &mut parts {
            let (range, index) = (part.range(), part.index() as u64);
            assert_eq!(*part.read(), range.map(|n| n as u64).collect::<Vec<_>>());
            part.as_mut_slice().fill(index);
            assert!(!part.may_be_torn());
        }
        assert!(split.take_all().unwrap().is_empty());
        let Err(JoinError::Missing(mut split, 0)) = split.join() else { panic!("all are out") };
        parts.remove(0);
        assert_eq!(split.missing().unwrap(), [1, 2]);
        parts.clear();
        let array = split.join().unwrap();
        assert_eq!(array.to_vec().unwrap(), [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]);
        let again = array.split(2).unwrap();
        assert_eq!(again.join().unwrap().len(), 10);
    });
}

#[test]
fn there_are_parts_without_elements_and_no_more_than_there_is_room_for() {
    let mut few = split(2, 4);
    let lens: Vec<_> = few.take_all().unwrap().iter().map(ArrayPart::len).collect();
    assert_eq!(lens, [1, 1, 0, 0]);
    assert!(few.take(3).unwrap().unwrap().read().is_empty());
    let Err(ModeError::Parts(array, 0)) = SharedArray::<u8>::zeroed(1).unwrap().split(0) else { panic!("0") };
    let Err(ModeError::Parts(array, n)) = array.split(MAX_PARTS + 1) else { panic!("too many") };
    assert_eq!(n, MAX_PARTS + 1);
    let other = array.clone();
    let Err(ModeError::Here(array)) = array.split(2) else { panic!("there is another handle") };
    drop(other);
    let mut most = array.split(MAX_PARTS).unwrap();
    assert!(most.take(MAX_PARTS - 1).unwrap().is_some());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(most.take(MAX_PARTS)))).is_err());
}

#[test]
fn workers_write_their_parts_and_the_splitter_takes_them_back() {
    alone(|| {
        let mut split = split(1000, 4);
        let parcels: Vec<_> = (0..4).map(|i| pack(&take(&mut split, i)).unwrap()).collect();
        let forks: Vec<_> = parcels
            .into_iter()
            .map(|parcel| with_part(parcel, |mut part| part.as_mut_slice().iter_mut().for_each(|n| *n *= 2)))
            .collect();
        forks.into_iter().for_each(|fork| assert_eq!(reap(fork), 0));
        let array = split.join().unwrap();
        assert!(array.read().unwrap().iter().enumerate().all(|(i, n)| *n == 2 * i as u64));
    });
}

#[test]
fn a_part_goes_to_another_process_and_back() {
    alone(|| {
        let mut split = split(4, 2);
        let there = pack(&take(&mut split, 1)).unwrap();
        let part: ArrayPart<u64> = unpack(there).unwrap(); // in this process, as a result would be
        assert_eq!(*part.read(), [2, 3]);
        assert_eq!(split.missing().unwrap(), [1]);
        let mut part = send(&part);
        part.as_mut_slice()[0] = 7;
        drop(part);
        assert_eq!(split.join().unwrap().to_vec().unwrap(), [0, 1, 7, 3]);
    });
}

#[test]
fn a_part_is_encoded_once_and_decoded_once() {
    alone(|| {
        let mut split = split(4, 2);
        let part = take(&mut split, 0);
        // Twice in one message: none of it goes.
        let both = refused(pack(&[&part, &part]).unwrap_err());
        assert!(matches!(both, ShmError::PartIsSent), "{both}");
        assert_eq!(*part.read(), [0, 1]);

        let (bytes, mut sent) = transfer::encoding(0, || postcard::to_stdvec(&part));
        let bytes = bytes.unwrap();
        let again = refused(pack(&part).unwrap_err());
        assert!(matches!(again, ShmError::PartIsSent), "{again}");
        sent.transfers.commit();
        let again = refused(pack(&part).unwrap_err());
        assert!(matches!(again, ShmError::PartIsSent), "{again}");

        let fds: Vec<_> = sent.fds.drain(..).map(Some).collect();
        let decode = || transfer::decoding(fds.clone(), || postcard::from_bytes::<ArrayPart<u64>>(&bytes));
        let (first, _) = decode();
        let (second, left) = decode();
        assert!(second.is_err());
        let error = refused(left.refused.unwrap());
        assert!(matches!(error, ShmError::PartIsSent), "{error}");
        assert_eq!(*first.unwrap().read(), [0, 1]);
        assert!(decode().0.is_err(), "also when it was dropped");
    });
}

#[test]
fn a_send_that_fails_leaves_the_part() {
    struct Fails;
    impl serde::Serialize for Fails {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("on purpose"))
        }
    }
    alone(|| {
        let mut split = split(4, 2);
        let mut part = take(&mut split, 0);
        let (result, sent) = transfer::encoding(0, || postcard::to_stdvec(&(&part, Fails)));
        assert!(result.is_err());
        drop(sent);
        part.as_mut_slice()[0] = 5;
        // Not in a message at all.
        assert!(postcard::to_stdvec(&part).is_err());
        assert_eq!(*part.read(), [5, 1]);
        // Encoded, and then the message is dropped.
        let (bytes, sent) = transfer::encoding(0, || postcard::to_stdvec(&part));
        assert!(catch_unwind(AssertUnwindSafe(|| part.read().len())).is_err(), "on its way");
        let fds = sent.fds.iter().cloned().map(Some).collect();
        drop(sent);
        assert_eq!(*part.read(), [5, 1]);
        let (old, _) = transfer::decoding(fds, || postcard::from_bytes::<ArrayPart<u64>>(&bytes.unwrap()));
        assert!(old.is_err(), "its message brings nothing any more");
        // Nor once the part is in another message.
        let (first, sent) = transfer::encoding(0, || postcard::to_stdvec(&part));
        let fds = sent.fds.iter().cloned().map(Some).collect();
        drop(sent);
        let (second, sent) = transfer::encoding(0, || postcard::to_stdvec(&part));
        sent.transfers.commit();
        let (old, _) = transfer::decoding(fds, || postcard::from_bytes::<ArrayPart<u64>>(&first.unwrap()));
        assert!(old.is_err(), "a message that did not go brings what the next one does");
        let fds = sent.fds.iter().cloned().map(Some).collect();
        let (new, _) = transfer::decoding(fds, || postcard::from_bytes::<ArrayPart<u64>>(&second.unwrap()));
        let part = new.unwrap();
        assert_eq!(*part.read(), [5, 1]);
        drop(sent);
        // The value is dropped before its message is.
        let (_, sent) = transfer::encoding(0, || postcard::to_stdvec(&part));
        drop(part);
        assert_eq!(split.missing().unwrap(), [0]);
        drop(sent);
        assert!(!split.take(0).unwrap().unwrap().may_be_torn());
    });
}

#[test]
fn who_reads_keeps_a_part_from_being_sent() {
    let mut split = split(2, 1);
    let mut part = take(&mut split, 0);
    let reading = part.read();
    let error = refused(pack(&part).unwrap_err());
    assert!(matches!(error, ShmError::PartIsRead), "{error}");
    assert_eq!(*reading, [0, 1]);
    std::mem::forget(reading);
    assert!(pack(&part).is_err(), "a forgotten guard reads on");
    part.as_mut_slice()[0] = 1; // proves that nobody reads
    assert!(pack(&part).is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| part.read().len())).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| part.as_mut_slice().len())).is_err());
}

#[test]
fn a_message_that_dies_under_way_loses_nothing() {
    alone(|| {
        let mut split = split(4, 2);
        let mut part = take(&mut split, 0);
        part.as_mut_slice().fill(9);
        let parcel = pack(&part).unwrap();
        drop(part);
        assert!(split.take(0).unwrap().is_none(), "it is on its way");
        drop(parcel);
        let part = take(&mut split, 0);
        assert!(!part.may_be_torn());
        assert_eq!(*part.read(), [9, 9]);
    });
}

#[test]
fn the_part_of_a_dead_process_is_told_of_and_mended() {
    alone(|| {
        let mut split = split(4, 2);
        let holds = Shared::new(AtomicU32::new(0)).unwrap();
        let child = with_part(pack(&take(&mut split, 1)).unwrap(), |mut part| {
            part.as_mut_slice()[0] = 77;
            holds.store(1, SeqCst);
            idle();
        });
        eventually("it has the part", || holds.load(SeqCst) == 1);
        assert!(split.take(1).unwrap().is_none());
        kill(child);
        eventually("nobody has it", || split.missing().unwrap().is_empty());
        let Err(JoinError::Torn(mut split, 1)) = split.join() else { panic!("nobody has looked at it") };
        let part = take(&mut split, 1);
        assert!(part.may_be_torn());
        assert_eq!(*part.read(), [77, 3]);
        drop(part);
        assert!(take(&mut split, 1).may_be_torn(), "nobody has mended it");
        let mut part = take(&mut split, 1);
        part.as_mut_slice()[1] = 77;
        part.mark_consistent();
        assert!(!part.may_be_torn());
        drop(part);
        assert!(!take(&mut split, 1).may_be_torn());
        assert_eq!(split.join().unwrap().to_vec().unwrap(), [0, 1, 77, 77]);
    });
}

#[test]
fn a_part_that_a_panic_drops_may_be_torn() {
    let mut split = split(4, 2);
    let mut part = take(&mut split, 0);
    let worker = std::thread::spawn(move || {
        part.as_mut_slice()[0] = 5;
        panic!("in the middle");
    });
    worker.join().unwrap_err();
    assert!(take(&mut split, 0).may_be_torn());
    let Err(JoinError::Torn(mut split, 0)) = split.join() else {
        panic!("who took it back has not mended it")
    };
    take(&mut split, 0).mark_consistent();
    assert!(split.join().is_ok());
}

#[test]
fn a_forgotten_part_is_its_processs_until_that_ends() {
    alone(|| {
        let mut split = split(4, 2);
        let done = Shared::new(AtomicU32::new(0)).unwrap();
        let child = with_part(pack(&take(&mut split, 0)).unwrap(), |part| {
            std::mem::forget(part);
            done.store(1, SeqCst);
            idle();
        });
        eventually("it was forgotten", || done.load(SeqCst) == 1);
        assert!(split.take(0).unwrap().is_none());
        kill(child);
        eventually("nobody has it", || split.missing().unwrap().is_empty());
        assert!(take(&mut split, 0).may_be_torn());
    });
}

#[test]
fn in_a_fork_split_and_parts_are_inert() {
    alone(|| {
        let mut split = split(4, 2);
        let mut part = take(&mut split, 0);
        let child = fork(|| {
            assert!(matches!(split.take(1), Err(ShmError::Forked)));
            assert!(catch_unwind(AssertUnwindSafe(|| part.read().len())).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| part.as_mut_slice().len())).is_err());
            assert!(matches!(refused(pack(&part).unwrap_err()), ShmError::Forked));
            drop(std::mem::replace(&mut part, take_another())); // a copy of the parent's
        });
        assert_eq!(reap(child), 0);
        assert!(split.take(0).unwrap().is_none());
        part.as_mut_slice()[0] = 3;
        drop(part);
        assert_eq!(split.join().unwrap().get(0).unwrap(), Some(3));
    });
}

/// A part of an array of the calling process's own.
fn take_another() -> ArrayPart<u64> {
    take(&mut split(1, 1), 0)
}

#[test]
fn a_thread_that_ends_takes_no_part_along() {
    let mut split = split(4, 2);
    let mut part = take(&mut split, 0);
    let part = std::thread::spawn(move || {
        part.as_mut_slice()[0] = 1;
        part
    });
    let mut part = part.join().unwrap();
    part.as_mut_slice()[1] = 1;
    assert_eq!(*part.read(), [1, 1]);
}

#[test]
fn parts_outlive_their_splitter() {
    alone(|| {
        let mut split = split(4, 2);
        let mut part = take(&mut split, 0);
        drop(split);
        part.as_mut_slice()[0] = 8;
        assert_eq!(*send(&part).read(), [8, 1]);
    });
}

#[test]
fn a_lock_is_what_it_was_when_parts_are_joined() {
    let array = SharedArray::<u64>::zeroed(2).unwrap();
    std::thread::scope(|scope| {
        let dies = || {
            let _held = array.write().unwrap();
            panic!("with the lock");
        };
        scope.spawn(dies).join().unwrap_err();
    });
    let array = array.split(2).unwrap().join().unwrap();
    assert!(matches!(array.read(), Err(LockError::Poisoned(_))));
}

#[test]
fn each_part_takes_a_descriptor_and_gives_it_back() {
    alone(|| {
        let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let mut split = split(100, 10);
        let before = count();
        for _ in 0..3 {
            let parts = split.take_all().unwrap();
            assert_eq!(count(), before + 10);
            drop(parts);
            assert_eq!(count(), before);
            for index in 0..10 {
                drop(send(&take(&mut split, index)));
            }
            assert_eq!(count(), before);
        }
    });
}

/// Whoever sees that nobody has a part sees that nobody holds the array for it.
#[test]
fn who_joins_beside_owners_that_live_on_is_alone() {
    alone(|| {
        let mut array = SharedArray::<u64>::zeroed(4).unwrap();
        for _ in 0..300 {
            let mut split = array.split(2).unwrap();
            let parts = split.take_all().unwrap();
            array = std::thread::scope(|scope| {
                for part in parts {
                    scope.spawn(|| drop(part));
                }
                eventually("both are back", || split.missing().unwrap().is_empty());
                split.join().unwrap().into_atomics().unwrap().into_locked().unwrap()
            });
        }
    });
}

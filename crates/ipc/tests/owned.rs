//! What has one owner at a time, over connections: parts of arrays and blocks of arenas. They arrive once, come back when they were not sent, and
//! are not lost with a message, its sender or its receiver.

use multiproc_ipc::{Connection, DecodeError, EncodeError, RecvError, SendErrorKind, pipe};
use multiproc_shm::{Arena, ArenaParcel, ArrayPart, ParcelError, SharedArray, ShmError, Split};
use multiproc_testkit::fork::{fork, idle, kill, reap};
use multiproc_testkit::{Watchdog, eventually};

type Block = ArenaParcel<[u64]>;

/// In a process that does nothing else, so that no fork of another test has a descriptor of this one's.
fn alone(body: impl FnOnce()) {
    let _watchdog = Watchdog::with_limit(60);
    assert_eq!(reap(fork(body)), 0);
}

fn split() -> Split<u64> {
    SharedArray::from_fn(4, |i| i as u64).unwrap().split(2).unwrap()
}

fn take(split: &mut Split<u64>, index: usize) -> ArrayPart<u64> {
    split.take(index).unwrap().expect("nobody has it")
}

fn block(arena: &Arena) -> Block {
    arena.alloc_slice(&[5, 6, 7]).unwrap().into_parcel()
}

/// Takes what comes into `echo`, and sends what that makes of it back, until the other end is gone.
fn echo<T>(line: &Connection<T, T>, mut echo: impl FnMut(T) -> T)
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    while let Ok(value) = line.recv() {
        line.send(echo(value)).unwrap();
    }
}

#[test]
fn a_part_goes_to_another_process_and_comes_back() {
    alone(|| {
        let (ours, theirs) = pipe::<ArrayPart<u64>, ArrayPart<u64>>().unwrap();
        let mut ends = Some((ours, theirs));
        let child = fork(|| {
            let (ours, theirs) = ends.take().unwrap();
            drop(ours);
            echo(&theirs, |mut part| {
                part.as_mut_slice().iter_mut().for_each(|element| *element *= 10);
                part
            });
        });
        let (ours, theirs) = ends.take().unwrap();
        drop(theirs);
        let mut split = split();
        for _ in 0..3 {
            ours.send(take(&mut split, 1)).unwrap();
            assert!(split.take(1).unwrap().is_none(), "another has it, or a message");
            drop(ours.recv().unwrap());
        }
        drop(ours);
        assert_eq!(reap(child), 0);
        assert_eq!(split.join().unwrap().to_vec().unwrap(), [0, 1, 2000, 3000]);
    });
}

#[test]
fn a_block_goes_to_another_process_and_comes_back() {
    alone(|| {
        let arena = Arena::new(1 << 16).unwrap();
        let (ours, theirs) = pipe::<Block, Block>().unwrap();
        let mut ends = Some((ours, theirs));
        let child = fork(|| {
            let (ours, theirs) = ends.take().unwrap();
            drop(ours);
            echo(&theirs, |block| {
                let mut row = block.open().unwrap();
                row.iter_mut().for_each(|element| *element *= 10);
                row.into_parcel()
            });
        });
        let (ours, theirs) = ends.take().unwrap();
        drop(theirs);
        let mut there = block(&arena);
        for _ in 0..3 {
            ours.send(there).unwrap();
            there = ours.recv().unwrap();
        }
        assert_eq!(there.open().unwrap()[..], [5000, 6000, 7000]);
        assert_eq!((arena.used(), arena.sweep()), (0, 0), "the other process has kept nothing");
        drop(ours);
        assert_eq!(reap(child), 0);
    });
}

#[test]
fn what_is_not_sent_comes_back_with_the_error() {
    alone(|| {
        type Value = (Option<ArrayPart<u64>>, Option<Block>, String);
        let (mut split, arena) = (split(), Arena::new(1 << 16).unwrap());
        let (ours, theirs) = pipe::<Value, ()>().unwrap();
        let mut sent = 0;
        let full = loop {
            match ours.try_send((None, None, "x".repeat(30_000))) {
                Ok(()) => sent += 1,
                Err(error) => break error.kind,
            }
            assert!(sent < 10_000);
        };
        assert!(sent > 0 && matches!(full, SendErrorKind::Full), "{full}");

        let value = (Some(take(&mut split, 0)), Some(block(&arena)), "x".repeat(30_000));
        let error = ours.try_send(value).unwrap_err();
        assert!(matches!(error.kind, SendErrorKind::Full), "{}", error.kind);
        drop(theirs);
        let error = ours.send(error.value).unwrap_err();
        assert!(matches!(error.kind, SendErrorKind::Disconnected), "{}", error.kind);

        let (part, block, _) = error.value;
        let mut part = part.unwrap();
        part.as_mut_slice()[0] = 9;
        assert_eq!(block.unwrap().open().unwrap()[..], [5, 6, 7]);
        assert_eq!((arena.used(), split.missing().unwrap()), (0, vec![0]));
        drop(part);
        assert_eq!(split.join().unwrap().to_vec().unwrap(), [9, 1, 2, 3]);
    });
}

/// Encoded with something that cannot be, and in a fork of their owner.
#[test]
fn what_cannot_be_encoded_comes_back_with_the_error() {
    alone(|| {
        let (mut split, arena) = (split(), Arena::new(1 << 16).unwrap());
        let (ours, _theirs) = pipe::<(ArrayPart<u64>, Block, Fails), ()>().unwrap();
        let error = ours.send((take(&mut split, 0), block(&arena), Fails)).unwrap_err();
        assert!(matches!(error.kind, SendErrorKind::Encode(EncodeError::Serialize { .. })), "{}", error.kind);
        let (part, block, _) = error.value;
        assert_eq!((&*part.read(), &block.open().unwrap()[..]), (&[0, 1][..], &[5, 6, 7][..]));

        let (line, _other) = pipe::<ArrayPart<u64>, ()>().unwrap();
        let mut part = Some(part);
        let child = fork(|| {
            let error = line.send(part.take().unwrap()).unwrap_err();
            let SendErrorKind::Encode(EncodeError::Handle { reason, .. }) = error.kind else {
                panic!("{}", error.kind)
            };
            assert!(matches!(reason.downcast_ref(), Some(ShmError::Forked)), "{reason}");
        });
        assert_eq!(reap(child), 0);
        assert_eq!(*part.unwrap().read(), [0, 1]);
    });
}

struct Fails;

impl serde::Serialize for Fails {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("on purpose"))
    }
}

#[test]
fn a_message_that_nobody_receives_gives_them_back() {
    alone(|| {
        let (mut split, arena) = (split(), Arena::new(1 << 16).unwrap());
        let (ours, theirs) = pipe::<(ArrayPart<u64>, Block), ()>().unwrap();
        let mut part = take(&mut split, 0);
        part.as_mut_slice().fill(8);
        ours.send((part, block(&arena))).unwrap();
        assert!(split.take(0).unwrap().is_none() && arena.sweep() == 0, "they may be received still");
        drop(theirs);
        eventually("the kernel has ended the message", || split.missing().unwrap().is_empty());
        eventually("so for the block", || arena.sweep() == 1);
        let part = take(&mut split, 0);
        assert!(!part.may_be_torn(), "it was sent whole");
        assert_eq!((&*part.read(), arena.used()), (&[8, 8][..], 0));
    });
}

/// Their sender is dead when they are received, and their receiver dies with them.
#[test]
fn they_outlive_their_sender_and_are_back_after_their_receiver() {
    alone(|| {
        let (mut split, arena) = (split(), Arena::new(1 << 16).unwrap());
        let (ours, theirs) = pipe::<(ArrayPart<u64>, Block), (ArrayPart<u64>, Block)>().unwrap();
        ours.send((take(&mut split, 1), block(&arena))).unwrap();
        let sender = fork(|| {
            let value = theirs.recv().unwrap();
            theirs.send(value).unwrap();
        });
        assert_eq!(reap(sender), 0);
        assert!(split.take(1).unwrap().is_none() && arena.sweep() == 0, "a message has them");
        ours.send(ours.recv().unwrap()).unwrap();

        let (told, tells) = pipe::<(), u64>().unwrap();
        let receiver = fork(|| {
            let (mut part, block) = theirs.recv().unwrap();
            part.as_mut_slice()[0] = 77;
            let row = block.open().unwrap();
            tells.send(row[0]).unwrap();
            idle();
        });
        assert_eq!(told.recv().unwrap(), 5);
        assert!(split.take(1).unwrap().is_none() && arena.sweep() == 0, "it lives");
        kill(receiver);
        eventually("nobody has the part", || split.missing().unwrap().is_empty());
        assert_eq!((arena.sweep(), arena.used()), (1, 0));
        let part = take(&mut split, 1);
        assert!(part.may_be_torn());
        assert_eq!(*part.read(), [77, 3]);
    });
}

#[test]
fn received_as_another_type_they_are_nobodys() {
    alone(|| {
        let (mut split, arena) = (split(), Arena::new(1 << 16).unwrap());
        let (ours, theirs) = pipe::<ArrayPart<u64>, ()>().unwrap();
        let theirs: Connection<(), ArrayPart<i64>> = Connection::new(theirs.into_socket());
        ours.send(take(&mut split, 0)).unwrap();
        let RecvError::Decode(DecodeError::Handle { reason, .. }) = theirs.recv().unwrap_err() else {
            panic!("another type")
        };
        assert!(matches!(reason.downcast_ref(), Some(ShmError::LayoutMismatch { .. })), "{reason}");
        assert!(!take(&mut split, 0).may_be_torn());

        let (ours, theirs) = pipe::<Block, ()>().unwrap();
        let theirs: Connection<(), ArenaParcel<[i64]>> = Connection::new(theirs.into_socket());
        ours.send(block(&arena)).unwrap();
        let RecvError::Decode(DecodeError::Handle { reason, .. }) = theirs.recv().unwrap_err() else {
            panic!("another type")
        };
        let found = reason.downcast_ref();
        assert!(matches!(found, Some(ParcelError::Memory(ShmError::LayoutMismatch { .. }))), "{reason}");
        assert_eq!((arena.sweep(), arena.used()), (1, 0));
    });
}

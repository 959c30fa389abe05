//! Blocks on their way: sent once, received once, back when the message did not go, swept when it ended unread. `unsafe`: descriptors of messages.
#![allow(unsafe_code)]

mod common;

use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{Parcel, fork, pack, reap, send, unpack};
use multiproc_shm::transfer::{self, Descriptor, Outgoing};
use multiproc_shm::{Arena, ArenaParcel, ParcelError, Shared, ShmError};
use multiproc_testkit::{Watchdog, eventually};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn arena() -> Arena {
    Arena::new(1 << 20).unwrap()
}

/// In a process that does nothing else: what the tests beside it fork would have its messages open as well.
fn alone(body: impl FnOnce()) {
    let _watchdog = Watchdog::with_limit(60);
    assert_eq!(reap(fork(body)), 0);
}

fn parcel(arena: &Arena) -> ArenaParcel<[u64]> {
    arena.alloc_slice(&[5, 6, 7]).unwrap().into_parcel()
}

fn encode<T: Serialize>(value: &T) -> (Vec<u8>, Outgoing) {
    let (bytes, outgoing) = transfer::encoding(0, || postcard::to_stdvec(value));
    (bytes.unwrap(), outgoing)
}

fn decode<T: DeserializeOwned>(bytes: &[u8], fds: &[Descriptor]) -> Result<T, ParcelError> {
    let fds = fds.iter().cloned().map(Some).collect();
    let (value, left) = transfer::decoding(fds, || postcard::from_bytes::<T>(bytes));
    value.map_err(|_| *left.refused.unwrap().downcast::<ParcelError>().unwrap())
}

fn refused<T: Serialize>(value: &T) -> ParcelError {
    let (result, mut outgoing) = transfer::encoding(0, || postcard::to_stdvec(value));
    result.unwrap_err();
    *outgoing.refused.take().unwrap().downcast::<ParcelError>().unwrap()
}

#[test]
fn the_receiver_has_the_block_and_the_sender_has_it_no_more() {
    let arena = arena();
    let parcel = parcel(&arena);
    let received = send(&parcel);
    let parcel = parcel.open().unwrap_err().0;
    assert!(matches!(refused(&parcel), ParcelError::Sent));
    drop(parcel);
    let mut row = received.open().unwrap();
    row[0] = 1;
    assert_eq!((&row[..], arena.used()), (&[1, 6, 7][..], 64));
    drop(row);
    assert_eq!(arena.used(), 0);
}

#[test]
fn another_process_gets_it_and_gives_it_back() {
    let _watchdog = Watchdog::with_limit(60);
    let arena = arena();
    let message = pack(&parcel(&arena)).unwrap();
    let answer = Shared::new(std::sync::atomic::AtomicU64::new(0)).unwrap();
    let child = fork(|| {
        // A mapping of its own, and the parent's beside it.
        let mut row = unpack::<ArenaParcel<[u64]>>(Parcel {
            bytes: message.bytes.clone(),
            fds: message.fds.iter().map(|fd| fd.try_clone().unwrap()).collect(),
        })
        .unwrap()
        .open()
        .unwrap();
        row[2] += 10;
        answer.store(row.iter().sum(), std::sync::atomic::Ordering::SeqCst);
    });
    assert_eq!(reap(child), 0);
    assert_eq!(answer.load(std::sync::atomic::Ordering::SeqCst), 28);
    assert_eq!((arena.used(), arena.sweep()), (0, 0));
    let refusal = unpack::<ArenaParcel<[u64]>>(message).unwrap_err();
    assert!(matches!(refusal.downcast_ref(), Some(ParcelError::Gone)), "{refusal}");
}

#[test]
fn a_message_that_did_not_go_leaves_it_here() {
    let arena = arena();
    let parcel = parcel(&arena);
    for _ in 0..3 {
        let (bytes, outgoing) = encode(&parcel);
        assert!(matches!(refused(&parcel), ParcelError::Sent), "it is on its way");
        let fds = outgoing.fds.clone();
        drop(outgoing);
        assert!(matches!(decode::<ArenaParcel<[u64]>>(&bytes, &fds), Err(ParcelError::Gone)));
    }
    assert_eq!(arena.sweep(), 0);
    assert_eq!(parcel.open().unwrap()[..], [5, 6, 7]);
    assert_eq!(arena.used(), 0);
}

#[test]
fn encoded_twice_in_a_message_neither_goes() {
    let arena = arena();
    let parcel = parcel(&arena);
    assert!(matches!(refused(&(&parcel, &parcel)), ParcelError::Sent));
    assert_eq!(parcel.open().unwrap()[..], [5, 6, 7]);
}

#[test]
fn a_panic_in_the_encoder_leaves_it_here() {
    struct Panics;
    impl Serialize for Panics {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("in the middle");
        }
    }
    let arena = arena();
    let parcel = parcel(&arena);
    assert!(catch_unwind(AssertUnwindSafe(|| encode(&(&parcel, Panics)).0)).is_err());
    assert_eq!(parcel.open().unwrap()[..], [5, 6, 7]);
}

#[test]
fn outside_a_message_it_stays_here() {
    let arena = arena();
    let parcel = parcel(&arena);
    assert!(postcard::to_stdvec(&parcel).is_err());
    assert_eq!(parcel.open().unwrap()[..], [5, 6, 7]);
}

/// As a pool keeps the bytes of a task that it may try again.
#[test]
fn the_bytes_of_a_message_count_once() {
    let arena = arena();
    let (bytes, outgoing) = encode(&parcel(&arena));
    outgoing.transfers.commit();
    let first = decode::<ArenaParcel<[u64]>>(&bytes, &outgoing.fds).unwrap();
    assert!(matches!(decode::<ArenaParcel<[u64]>>(&bytes, &outgoing.fds), Err(ParcelError::Gone)));
    // Also when it comes here again as it went.
    let second = send(&first);
    assert!(matches!(decode::<ArenaParcel<[u64]>>(&bytes, &outgoing.fds), Err(ParcelError::Gone)));
    assert_eq!(second.open().unwrap()[..], [5, 6, 7]);
}

#[test]
fn dropped_while_it_is_on_its_way_it_is_free_when_it_comes_back() {
    let arena = arena();
    let parcel = parcel(&arena);
    let (_, outgoing) = encode(&parcel);
    drop(parcel);
    assert_eq!(arena.used(), 64);
    drop(outgoing);
    assert_eq!(arena.used(), 0);
}

#[test]
fn what_a_message_holds_is_not_swept_and_what_ended_with_it_is() {
    alone(|| {
        let arena = arena();
        let message = pack(&parcel(&arena)).unwrap();
        assert_eq!((arena.sweep(), arena.used()), (0, 64), "it may be received still");
        drop(message);
        assert_eq!((arena.sweep(), arena.used()), (1, 0));
    });
}

/// Its encoder is gone; whoever receives it has it.
#[test]
fn a_message_outlives_its_sender() {
    let _watchdog = Watchdog::with_limit(60);
    let arena = arena();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let child = fork(|| {
        let message = pack(&parcel(&arena)).unwrap();
        sockets::send(&theirs, &message);
    });
    assert_eq!(reap(child), 0);
    assert_eq!((arena.sweep(), arena.used()), (0, 64), "it is in the socket");
    let received: ArenaParcel<[u64]> = unpack(sockets::receive(&ours)).unwrap();
    assert_eq!(received.open().unwrap()[..], [5, 6, 7]);
    assert_eq!(arena.used(), 0);
}

#[test]
fn a_message_ends_with_the_socket_of_its_receiver() {
    let _watchdog = Watchdog::with_limit(60);
    let arena = arena();
    let (ours, theirs) = UnixStream::pair().unwrap();
    sockets::send(&ours, &pack(&parcel(&arena)).unwrap());
    assert_eq!((arena.sweep(), arena.used()), (0, 64));
    drop(theirs);
    eventually("the kernel has ended the message", || arena.sweep() == 1);
    assert_eq!(arena.used(), 0);
}

#[test]
fn another_type_or_length_or_place_is_refused_and_nothing_is_lost() {
    let _watchdog = Watchdog::with_limit(60);
    let arena = arena();
    let (bytes, outgoing) = encode(&parcel(&arena));
    outgoing.transfers.commit();
    let mismatch = decode::<ArenaParcel<[u32]>>(&bytes, &outgoing.fds).unwrap_err();
    assert!(matches!(mismatch, ParcelError::Memory(ShmError::LayoutMismatch { .. })), "{mismatch}");
    // The last of it: number of descriptors, place, word, length, layout.
    type Letter = (u32, u32, u64, u64, u64, u64);
    let good: Letter = postcard::from_bytes(&bytes).unwrap();
    let altered = |alter: &dyn Fn(&mut Letter)| {
        let mut letter = good;
        alter(&mut letter);
        decode::<ArenaParcel<[u64]>>(&postcard::to_stdvec(&letter).unwrap(), &outgoing.fds).unwrap_err()
    };
    for place in [1, 1023, 1024, 16 * 1024 - 1, 16 * 1024, u64::MAX] {
        assert!(matches!(altered(&|letter| letter.2 += place.min(u64::MAX - letter.2)), ParcelError::Gone));
    }
    for len in [9, 1 << 40, u64::MAX] {
        let error = altered(&|letter| letter.4 = len);
        assert!(matches!(error, ParcelError::Memory(ShmError::Corrupt { .. })), "{error}");
    }
    for bit in 0..64 {
        assert!(matches!(altered(&|letter| letter.3 ^= 1 << bit), ParcelError::Gone), "bit {bit}");
    }
    let received = decode::<ArenaParcel<[u64]>>(&bytes, &outgoing.fds).unwrap();
    assert_eq!(received.open().unwrap()[..], [5, 6, 7]);
    assert_eq!(arena.used(), 0);
}

#[test]
fn an_arena_comes_as_the_one_that_is_there_and_as_no_other_thing() {
    let arena = arena();
    let again: Arena = send(&arena);
    let number = again.alloc(7_u64).unwrap();
    assert_eq!(arena.used(), 64);
    drop(arena);
    let last: Arena = send(&again);
    drop(again);
    assert_eq!((*number, last.used()), (7, 64), "a box keeps the memory");
    let refusal = unpack::<Arena>(pack(&Shared::new(multiproc_sync::Mutex::new(1_u64)).unwrap()).unwrap());
    assert!(refusal.is_err());
}

#[test]
fn no_descriptor_is_left() {
    alone(|| {
        let arena = arena();
        drop(send(&parcel(&arena)));
        let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
        let before = count();
        for _ in 0..50 {
            let received = send(&parcel(&arena));
            assert_eq!(count(), before);
            assert_eq!(send(&received).open().unwrap()[..], [5, 6, 7]);
            let _ = pack(&parcel(&arena)).unwrap();
        }
        assert_eq!((count(), arena.sweep(), arena.used()), (before, 50, 0));
    });
}

mod sockets {
    //! Messages through a socket, as a connection carries them.

    use std::io::{IoSlice, IoSliceMut};
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::os::unix::net::UnixStream;

    use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

    use super::Parcel;

    pub(super) fn send(socket: &UnixStream, message: &Parcel) {
        let fds: Vec<_> = message.fds.iter().map(AsRawFd::as_raw_fd).collect();
        let with = [ControlMessage::ScmRights(&fds)];
        let bytes = [IoSlice::new(&message.bytes)];
        sendmsg::<()>(socket.as_raw_fd(), &bytes, &with, MsgFlags::empty(), None).unwrap();
    }

    pub(super) fn receive(socket: &UnixStream) -> Parcel {
        let mut bytes = vec![0; 256];
        let mut room = nix::cmsg_space!([std::os::fd::RawFd; 8]);
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let got = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut room), MsgFlags::empty()).unwrap();
        let len = got.bytes;
        let mut fds = Vec::new();
        for with in got.cmsgs().unwrap() {
            if let ControlMessageOwned::ScmRights(numbers) = with {
                // SAFETY: new descriptors, which the kernel has just given to this process.
                fds.extend(numbers.into_iter().map(|number| unsafe { OwnedFd::from_raw_fd(number) }));
            }
        }
        bytes.truncate(len);
        Parcel { bytes, fds }
    }
}

//! Handles with a state inside messages: told once whether their message went.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use multiproc_ipc::{
    Connection, DecodeError, EncodeError, MAX_DESCRIPTORS, Message, MessageSocket, RecvError, SendErrorKind,
    pipe,
};
use multiproc_shm::transfer::{self, Fd, Transfer};
use multiproc_shm::{Shared, ShmError};
use multiproc_testkit::Watchdog;
use serde::ser::{Serialize, Serializer};
use serde::{Deserialize, Deserializer};

const OWNED: u32 = 0;
const IN_FLIGHT: u32 = 1;
const GONE: u32 = 2;

/// Owned by one at a time.
#[derive(Clone, Debug, Default)]
struct Part(Arc<AtomicU32>);

impl Part {
    fn state(&self) -> u32 {
        self.0.load(SeqCst)
    }

    fn step(&self, from: u32, to: u32) -> bool {
        self.0.compare_exchange(from, to, SeqCst, SeqCst).is_ok()
    }
}

impl Transfer for Part {
    fn commit(self: Box<Self>) {
        assert!(self.step(IN_FLIGHT, GONE));
    }

    fn roll_back(self: Box<Self>) {
        assert!(self.step(IN_FLIGHT, OWNED));
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.step(OWNED, IN_FLIGHT) {
            return Err(transfer::refuse_encoding("the part is on its way already"));
        }
        transfer::register(Box::new(self.clone())).map_err(transfer::refuse_encoding)?;
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer)?;
        Ok(Self(Arc::new(AtomicU32::new(OWNED))))
    }
}

#[test]
fn a_sent_part_is_gone_and_arrives() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<Part, ()>().unwrap();
    let right: Connection<(), Part> = Connection::new(right.into_socket());
    let part = Part::default();
    left.send(part.clone()).unwrap();
    assert_eq!(part.state(), GONE);
    assert_eq!(right.recv().unwrap().state(), OWNED);
}

#[test]
fn a_part_that_was_not_sent_comes_back() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<(Part, String), ()>().unwrap();
    let part = Part::default();
    let long = "x".repeat(30_000);
    let mut sent = 0;
    // Until the queue is full: that one was not sent.
    let error = loop {
        match left.try_send((part.clone(), long.clone())) {
            Ok(()) => assert!(part.step(GONE, OWNED)),
            Err(error) => break error,
        }
        sent += 1;
        assert!(sent < 10_000);
    };
    assert!(sent > 0 && matches!(error.kind, SendErrorKind::Full));
    assert_eq!(error.value.0.state(), OWNED);
    drop(right);
    assert!(left.send((part.clone(), String::new())).unwrap_err().is_disconnected());
    assert_eq!(part.state(), OWNED);
}

#[test]
fn a_message_tells_at_its_first_sending_or_at_its_drop() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = MessageSocket::pair().unwrap();
    let part = Part::default();
    drop(Message::encode(&part).unwrap());
    assert_eq!(part.state(), OWNED);

    let message = Message::encode(&part).unwrap();
    assert_eq!(part.state(), IN_FLIGHT);
    left.send(&message, None).unwrap();
    assert_eq!(part.state(), GONE);
    left.send(&message, None).unwrap(); // to another worker, say
    drop(message);
    assert_eq!(part.state(), GONE);
    drop(right);

    let here = Part::default();
    Message::encode(&here).unwrap().decode::<Part>().unwrap();
    assert_eq!(here.state(), GONE, "decoded where it was encoded");
}

#[test]
fn a_push_that_fails_takes_back_its_own_parts_only() {
    let _watchdog = Watchdog::with_limit(60);
    let parts: [Part; 3] = Default::default();
    let mut message = Message::encode(&parts[0]).unwrap();
    let error = message.push(&[&parts[1], &parts[2], &parts[1]]).unwrap_err();
    let EncodeError::Handle { reason, .. } = &error else { panic!("{error}") };
    assert_eq!(reason.to_string(), "the part is on its way already");
    assert_eq!(parts.each_ref().map(Part::state), [IN_FLIGHT, OWNED, OWNED]);

    // Too many descriptors are found out when all is encoded.
    let fds: Vec<_> = (0..=MAX_DESCRIPTORS).map(|_| Fd::from(std::io::pipe().unwrap().0)).collect();
    assert!(matches!(message.push(&(&parts[1], fds)), Err(EncodeError::TooManyDescriptors { .. })));
    assert_eq!(parts[1].state(), OWNED);

    struct Panics;
    impl Serialize for Panics {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("in the middle");
        }
    }
    let panicked = catch_unwind(AssertUnwindSafe(|| message.push(&(&parts[2], Panics)).map(drop)));
    assert!(panicked.is_err());
    assert_eq!(parts.each_ref().map(Part::state), [IN_FLIGHT, OWNED, OWNED]);
    drop(message);
    assert_eq!(parts[0].state(), OWNED);

    let mut message = Message::encode(&1_u8).unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| message.push(&("left over", Panics)).map(drop)));
    assert!(panicked.is_err());
    message.push(&2_u8).unwrap();
    assert_eq!(message.decode::<(u8, u8)>().unwrap(), (1, 2));
}

#[test]
fn a_handles_own_error_arrives_whole() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<Shared<u64>, ()>().unwrap();
    let right: Connection<(), Shared<u32>> = Connection::new(right.into_socket());
    left.send(Shared::new(7_u64).unwrap()).unwrap();
    let error = right.recv().unwrap_err();
    let RecvError::Decode(DecodeError::Handle { reason, .. }) = &error else { panic!("{error}") };
    assert!(matches!(reason.downcast_ref(), Some(ShmError::LayoutMismatch { .. })));
    assert!(error.to_string().contains("u32"), "{error}");
}

#[test]
fn a_shared_value_can_stand_twice_in_a_message() {
    let _watchdog = Watchdog::with_limit(60);
    let (left, right) = pipe::<[Shared<u64>; 2], ()>().unwrap();
    let right: Connection<(), [Shared<u64>; 2]> = Connection::new(right.into_socket());
    let shared = Shared::new(7_u64).unwrap();
    left.send([shared.clone(), shared]).unwrap();
    assert_eq!(right.recv().unwrap().map(|shared| *shared), [7, 7]);
}

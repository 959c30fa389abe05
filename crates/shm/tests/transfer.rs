//! A handle with a state: on its way while its message is, and in the end either gone or back.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use common::{fork, reap};
use multiproc_shm::transfer::{self, Outgoing, Transfer};
use serde::ser::{Error as _, Serialize, Serializer};

const OWNED: u32 = 0;
const IN_FLIGHT: u32 = 1;
const GONE: u32 = 2;

/// Owned by one at a time.
#[derive(Clone, Default)]
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
        if !transfer::is_encoding() {
            return Err(S::Error::custom(transfer::TransferError::NoMessage));
        }
        if !self.step(OWNED, IN_FLIGHT) {
            return Err(transfer::refuse_encoding("it is on its way already"));
        }
        transfer::register(Box::new(self.clone())).map_err(transfer::refuse_encoding)?;
        serializer.serialize_unit()
    }
}

fn encode<T: Serialize>(value: &T) -> (bool, Outgoing) {
    let (result, outgoing) = transfer::encoding(0, || postcard::to_stdvec(value));
    (result.is_ok(), outgoing)
}

#[test]
fn sent_or_given_back() {
    let part = Part::default();
    let (encoded, outgoing) = encode(&part);
    assert!(encoded);
    assert_eq!(part.state(), IN_FLIGHT);
    drop(outgoing);
    assert_eq!(part.state(), OWNED, "dropped unsent");

    let (_, outgoing) = encode(&part);
    outgoing.transfers.commit();
    assert_eq!(part.state(), GONE);
    outgoing.transfers.commit(); // a message is sent twice
    drop(outgoing);
    assert_eq!(part.state(), GONE);
}

#[test]
fn all_come_back_when_one_fails() {
    let parts: [Part; 3] = Default::default();
    let twice = [&parts[0], &parts[1], &parts[0]];
    let (encoded, outgoing) = encode(&twice);
    assert!(!encoded);
    assert_eq!(outgoing.refused.as_ref().unwrap().to_string(), "it is on its way already");
    drop(outgoing);
    assert!(parts.iter().all(|part| part.state() == OWNED));
}

#[test]
fn all_come_back_when_the_users_code_panics() {
    struct Panics;
    impl Serialize for Panics {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("in the middle");
        }
    }
    let part = Part::default();
    let panicked = catch_unwind(AssertUnwindSafe(|| encode(&(&part, Panics)).0));
    assert!(panicked.is_err());
    assert_eq!(part.state(), OWNED);
    assert!(!transfer::is_encoding());
}

#[test]
fn a_message_inside_a_message_has_its_own() {
    struct Nested<'a>(&'a Part, &'a Part);
    impl Serialize for Nested<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            drop(encode(self.1));
            self.0.serialize(serializer)
        }
    }
    let (outer, inner) = (Part::default(), Part::default());
    let (_, outgoing) = encode(&Nested(&outer, &inner));
    assert_eq!((outer.state(), inner.state()), (IN_FLIGHT, OWNED));
    outgoing.transfers.commit();
    assert_eq!(outer.state(), GONE);
}

#[test]
fn outside_a_message_nothing_begins() {
    let part = Part::default();
    assert!(postcard::to_stdvec(&part).is_err());
    assert_eq!(part.state(), OWNED);
    assert!(part.step(OWNED, IN_FLIGHT));
    assert!(transfer::register(Box::new(part.clone())).is_err());
    assert_eq!(part.state(), OWNED, "rolled back at once");
}

/// The state may lie in memory that the fork shares.
#[test]
fn a_fork_rolls_nothing_back() {
    let state = Part::default();
    let (_, outgoing) = encode(&state);
    let child = fork(|| {
        drop(outgoing);
        assert_eq!(state.state(), IN_FLIGHT);
    });
    assert_eq!(reap(child), 0);
}

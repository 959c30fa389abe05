//! Parts inside messages, in two phases: a part is on its way from when its message is encoded, and its receiver's from when it is decoded.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use multiproc_sync::shm_safe::ShmPlain;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::body::Body;
use super::header::{ArrayMode, MAX_PARTS};
use super::part::{ArrayPart, Own, PartByte};
use super::part_state::Unsendable;
use crate::error::ShmError;
use crate::family::{self, Membership};
use crate::transfer::{self, Descriptor, Transfer};

/// What the receiver gets: the description by which the part is had, the family, the index, the number of the message, and whether the part may be
/// torn.
type Sent = (Descriptor, Membership, u32, u64, u32);

/// Inside a message only, and once: the part is its receiver's.
impl<T: ShmPlain + Send + Sync> Serialize for ArrayPart<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sent = self.begin_sending().map_err(transfer::refuse_encoding)?;
        let leaving = Leaving { body: self.body().clone(), own: Arc::clone(self.own()) };
        // Not inside a message it is rolled back at once.
        transfer::register(Box::new(leaving)).map_err(transfer::refuse_encoding)?;
        sent.serialize(serializer)
    }
}

impl<T: ShmPlain + Send + Sync> ArrayPart<T> {
    fn begin_sending(&self) -> Result<Sent, ShmError> {
        if !self.body().holding().is_ours() {
            return Err(ShmError::Forked);
        }
        let family = family::membership()?;
        let own = self.own();
        own.state.begin_sending().map_err(|why| match why {
            Unsendable::Read => ShmError::PartIsRead,
            Unsendable::Sent => ShmError::PartIsSent,
        })?;
        let number = own.number();
        match own.travelling() {
            Some(descriptor) if self.word().send(number) => {
                Ok((descriptor, family, self.index() as u32, number + 1, self.may_be_torn().into()))
            }
            // Its state says otherwise: somebody has written to the header.
            _ => Err(ShmError::Corrupt { what: "the owner of a part that is here" }),
        }
    }
}

/// A part in a message.
struct Leaving<T: ShmPlain + Send + Sync> {
    // Before `own`, as in the part.
    body: Body<T>,
    own: Arc<Own>,
}

impl<T: ShmPlain + Send + Sync> Transfer for Leaving<T> {
    fn commit(self: Box<Self>) {
        self.own.let_go();
    }

    fn roll_back(self: Box<Self>) {
        let word = &self.body.header().words[self.own.index];
        let Some(number) = word.call_back(self.own.number()) else {
            return self.own.let_go(); // somebody has received it all the same
        };
        self.own.number.store(number, Relaxed); // `roll_back` orders it
        if self.own.state.roll_back() {
            self.own.end(word); // in the place of its owner
        }
    }
}

impl<'de, T: ShmPlain + Send + Sync> Deserialize<'de> for ArrayPart<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (descriptor, family, index, number, torn) = Sent::deserialize(deserializer)?;
        Self::arrive(descriptor, family, index as usize, number, torn != 0).map_err(transfer::refuse_decoding)
    }
}

impl<T: ShmPlain + Send + Sync> ArrayPart<T> {
    fn arrive(
        descriptor: Descriptor,
        family: Membership,
        index: usize,
        number: u64,
        torn: bool,
    ) -> Result<Self, ShmError> {
        let body = Body::arrive(descriptor.clone(), family, ArrayMode::Split)?;
        // Looked at once: a second look could find another number.
        let parts = body.header().parts();
        if parts > MAX_PARTS || index >= parts {
            return Err(ShmError::Corrupt { what: "the index of a part" });
        }
        let byte = PartByte { fd: descriptor.borrowed(), index };
        let received = body.header().words[index].receive(number, &byte);
        match received.map_err(ShmError::kernel("lock a part"))? {
            Some(number) => Ok(Self::new(body, (index, parts), number, descriptor, torn)),
            None => Err(ShmError::PartIsSent),
        }
    }
}

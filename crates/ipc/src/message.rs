//! A message: encoded values and the descriptors among them.

use std::any::type_name;
use std::io;
use std::os::fd::OwnedFd;

use multiproc_shm::transfer::{self, Descriptor, TransferError, Transfers};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{DecodeError, EncodeError};
use crate::socket::INLINE_MAX;
use crate::sys::spill;

/// Most descriptors in one message.
///
/// The kernel takes 253 a packet; one place is kept for the body of a long message.
pub const MAX_DESCRIPTORS: usize = 252;

/// What a message's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Encoded values.
    Values,
    /// Bytes that the user sent as they are.
    Bytes,
}

/// Where a message's bytes are.
#[derive(Debug)]
pub(crate) enum Body {
    Inline(Vec<u8>),
    /// In an anonymous file, not read yet.
    Spilled {
        file: OwnedFd,
        len: u64,
    },
}

/// Encoded values, detached from their types, ready to be sent any number of times.
///
/// The handles among them have left their owners once it is sent for the first time, or decoded here; dropped before that,
/// it gives them back.
///
/// This is the layer below [`Connection`](crate::Connection), for those who encode in one place and send, store or
/// decode in another: a pool encodes a task's argument at the call and decodes its result where it is awaited.
///
/// ```
/// use multiproc_ipc::Message;
/// let mut message = Message::new();
/// message.push(&7_u32)?;
/// message.push("seven")?;
/// let mut values = message.into_values()?;
/// assert_eq!(values.next::<u32>()?, 7);
/// assert_eq!(values.next::<String>()?, "seven");
/// values.finish::<String>()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Message {
    pub(crate) kind: Kind,
    pub(crate) body: Body,
    pub(crate) fds: Vec<Descriptor>,
    pub(crate) tag: u64,
    /// Of the handles among the values.
    pub(crate) transfers: Transfers,
}

impl Default for Message {
    fn default() -> Self {
        Self::new()
    }
}

impl Message {
    /// A message without values.
    pub const fn new() -> Self {
        Self {
            kind: Kind::Values,
            body: Body::Inline(Vec::new()),
            fds: Vec::new(),
            tag: 0,
            transfers: Transfers::new(),
        }
    }

    /// A message of bytes, sent as they are.
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        Self { kind: Kind::Bytes, body: Body::Inline(bytes), ..Self::new() }
    }

    /// A message of one value.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, EncodeError> {
        let mut message = Self::new();
        message.push(value)?;
        Ok(message)
    }

    /// Adds a value behind those that are there.
    ///
    /// # Errors
    ///
    /// The value cannot be encoded, or holds too many descriptors; the message is as it was before, also when the value's
    /// `Serialize` panics.
    ///
    /// # Panics
    ///
    /// If the message was received: those are read, not written.
    pub fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let Body::Inline(bytes) = &mut self.body else { panic!("a received message is read, not written") };
        // Cuts off what a value left that fails, or whose `Serialize` panics.
        let mut unfinished = Unfinished { before: bytes.len(), bytes };
        let (result, outgoing) = transfer::encoding(self.fds.len(), || {
            postcard::serialize_with_flavor(value, Tail(unfinished.bytes))
        });
        let count = self.fds.len() + outgoing.fds.len();
        let failed = match (result, outgoing.refused) {
            (_, Some(refusal)) => Some(refused::<T>(refusal)),
            (Err(e), None) => {
                Some(EncodeError::Serialize { type_name: type_name::<T>(), reason: e.to_string() })
            }
            (Ok(()), None) if count > MAX_DESCRIPTORS => {
                Some(EncodeError::TooManyDescriptors { count, max: MAX_DESCRIPTORS })
            }
            (Ok(()), None) => None,
        };
        if let Some(error) = failed {
            return Err(error);
        }
        unfinished.before = unfinished.bytes.len();
        drop(unfinished);
        self.fds.extend(outgoing.fds);
        self.transfers.append(outgoing.transfers);
        Ok(())
    }

    /// A number that travels with the message, outside its values: which request an answer belongs to, say. 0 at first.
    pub fn tag(&self) -> u64 {
        self.tag
    }

    /// Sets the number that travels with the message.
    pub fn set_tag(&mut self, tag: u64) {
        self.tag = tag;
    }

    /// Length of the encoded values in bytes.
    pub fn len(&self) -> u64 {
        match &self.body {
            Body::Inline(bytes) => bytes.len() as u64,
            Body::Spilled { len, .. } => *len,
        }
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0 && self.fds.is_empty()
    }

    /// Reads the body of a long message into memory, so that it holds no descriptor but those in its values.
    ///
    /// # Errors
    ///
    /// The body cannot be read.
    pub fn load(self) -> Result<Self, DecodeError> {
        Ok(Self { body: Body::Inline(read_body(self.body)?), ..self })
    }

    /// Writes a long body to its file now, so that sending copies nothing. One that fits a packet stays as it is.
    ///
    /// # Errors
    ///
    /// The kernel has no memory or no descriptor for the file.
    pub fn spill(self) -> io::Result<Self> {
        match &self.body {
            Body::Inline(bytes) if bytes.len() > INLINE_MAX => {
                let body = Body::Spilled { file: spill::write(bytes)?, len: bytes.len() as u64 };
                Ok(Self { body, ..self })
            }
            _ => Ok(self),
        }
    }

    /// The message's values, to be decoded one after the other. Reads the body of a long message.
    ///
    /// # Errors
    ///
    /// The body cannot be read, or the message holds plain bytes.
    pub fn into_values(self) -> Result<Values, DecodeError> {
        if self.kind != Kind::Values {
            return Err(DecodeError::WrongKind { expected: "values", found: "plain bytes" });
        }
        let bytes = read_body(self.body)?;
        self.transfers.commit(); // there are some only if it was encoded here, and is its own receiver
        Ok(Values { bytes, at: 0, fds: self.fds.into_iter().map(Some).collect() })
    }

    /// Decodes a message of one value.
    ///
    /// # Errors
    ///
    /// The message is not exactly one `T`.
    pub fn decode<T: DeserializeOwned>(self) -> Result<T, DecodeError> {
        let mut values = self.into_values()?;
        let value = values.next()?;
        values.finish::<T>()?;
        Ok(value)
    }

    /// The bytes of a message that was sent as bytes.
    pub(crate) fn into_bytes(self) -> Result<Vec<u8>, DecodeError> {
        if self.kind != Kind::Bytes {
            return Err(DecodeError::WrongKind { expected: "plain bytes", found: "values" });
        }
        read_body(self.body)
    }
}

/// What a handle in a `T` has against being sent.
fn refused<T: ?Sized>(refusal: transfer::Refusal) -> EncodeError {
    match refusal.downcast::<TransferError>() {
        Ok(error) => match *error {
            TransferError::Duplicate(error) => EncodeError::Descriptor(error),
            other => EncodeError::Handle { type_name: type_name::<T>(), reason: other.into() },
        },
        Err(reason) => EncodeError::Handle { type_name: type_name::<T>(), reason },
    }
}

/// A buffer that shrinks back to its length before, unless that is moved on.
struct Unfinished<'a> {
    bytes: &'a mut Vec<u8>,
    before: usize,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        self.bytes.truncate(self.before);
    }
}

/// Lets postcard write behind what a buffer holds.
struct Tail<'a>(&'a mut Vec<u8>);

impl postcard::ser_flavors::Flavor for Tail<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

fn read_body(body: Body) -> Result<Vec<u8>, DecodeError> {
    match body {
        Body::Inline(bytes) => Ok(bytes),
        Body::Spilled { file, len } => spill::read(file, len).map_err(DecodeError::Body),
    }
}

/// The values of a [`Message`], decoded in the order in which they were pushed.
#[derive(Debug)]
pub struct Values {
    bytes: Vec<u8>,
    at: usize,
    fds: Vec<Option<Descriptor>>,
}

impl Values {
    /// Decodes the next value.
    ///
    /// # Errors
    ///
    /// The bytes that come next are no `T`.
    // Not an iterator: each value has a type of its own.
    #[allow(clippy::should_implement_trait)]
    pub fn next<T: DeserializeOwned>(&mut self) -> Result<T, DecodeError> {
        let fds = std::mem::take(&mut self.fds);
        let rest = &self.bytes[self.at..];
        let (result, incoming) = transfer::decoding(fds, || postcard::take_from_bytes::<T>(rest));
        self.fds = incoming.fds;
        let (value, rest) = result.map_err(|e| match incoming.refused {
            Some(reason) => DecodeError::Handle { type_name: type_name::<T>(), reason },
            None => DecodeError::Deserialize { type_name: type_name::<T>(), reason: e.to_string() },
        })?;
        self.at = self.bytes.len() - rest.len();
        Ok(value)
    }

    /// Says that all values have been taken; `T` is the last one, for the error.
    ///
    /// # Errors
    ///
    /// Bytes are left over.
    pub fn finish<T>(self) -> Result<(), DecodeError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            left => Err(DecodeError::TrailingBytes { type_name: type_name::<T>(), left }),
        }
    }
}

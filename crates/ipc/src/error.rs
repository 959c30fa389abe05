//! One error type an operation; what was not sent comes back with the error.

use std::fmt;
use std::io;

use multiproc_shm::transfer::Refusal;
use thiserror::Error;

/// A value could not be turned into a message.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The value's own `Serialize` refused, or it needs what the format lacks.
    #[error(
        "{type_name} cannot be encoded: {reason}. The format knows no untagged or flattened fields and no \
         sequences of unknown length"
    )]
    Serialize {
        /// The Rust type that was to be sent.
        type_name: &'static str,
        /// What serde or the type itself said.
        reason: String,
    },
    /// The message holds more descriptors than a packet carries.
    #[error("a message of {count} descriptors: one carries at most {max}; send them in several messages")]
    TooManyDescriptors {
        /// Descriptors in the value.
        count: usize,
        /// [`MAX_DESCRIPTORS`](crate::MAX_DESCRIPTORS).
        max: usize,
    },
    /// A descriptor in the value could not be duplicated (the limit on open files, most often).
    #[error("a descriptor in the message could not be duplicated: {0}")]
    Descriptor(#[source] io::Error),
    /// A handle in the value refused to travel.
    #[error("a handle in a {type_name} cannot be sent: {reason}")]
    Handle {
        /// The Rust type that was to be sent.
        type_name: &'static str,
        /// What the handle said, as an error of its own type.
        #[source]
        reason: Refusal,
    },
}

/// A message could not be turned into a value.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes are no encoding of the type, or its own `Deserialize` refused.
    #[error("the message is no {type_name}: {reason}. Do both ends agree on the type?")]
    Deserialize {
        /// The Rust type that was expected.
        type_name: &'static str,
        /// What serde or the type itself said.
        reason: String,
    },
    /// A handle in the message cannot be used here: it is of another layout or family, say, or no handle.
    #[error("a handle in a {type_name} cannot be used here: {reason}")]
    Handle {
        /// The Rust type that was expected.
        type_name: &'static str,
        /// What the handle said, as an error of its own type.
        #[source]
        reason: Refusal,
    },
    /// Bytes are left over behind the value.
    #[error("{left} bytes are left over behind a {type_name}. Do both ends agree on the type?")]
    TrailingBytes {
        /// The Rust type that was expected.
        type_name: &'static str,
        /// How many bytes nobody asked for.
        left: usize,
    },
    /// The message was sent by `send_bytes` and asked for by `recv`, or the other way round.
    #[error("the message holds {found}, not {expected}: pair send with recv and send_bytes with recv_bytes")]
    WrongKind {
        /// What the caller asked for.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
    /// The body of a long message could not be read.
    #[error("the body of a long message could not be read: {0}")]
    Body(#[source] io::Error),
}

/// Why nothing was sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// The other end was dropped, or its process has died.
    #[error("the other end is gone")]
    Disconnected,
    /// The deadline passed while the receiver's queue was full.
    #[error("timed out while the receiver's queue was full")]
    TimedOut,
    /// The receiver's queue is full, and this operation does not wait.
    #[error("the receiver's queue is full")]
    Full,
    /// The value is not one that can be sent.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The kernel refused.
    #[error("the kernel refused to send: {0}")]
    Io(#[source] io::Error),
}

/// A value that was not sent, and why.
#[derive(Error)]
#[error("{kind}")]
pub struct SendError<T> {
    /// The value, untouched.
    pub value: T,
    /// Why it was not sent.
    #[source]
    pub kind: SendErrorKind,
}

impl<T> fmt::Debug for SendError<T> {
    // Not derived: the error must be usable with `?` and `expect` for values that have no Debug.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl<T> SendError<T> {
    /// Whether the other end is gone, so that no later attempt can succeed.
    pub fn is_disconnected(&self) -> bool {
        matches!(self.kind, SendErrorKind::Disconnected)
    }
}

/// Why nothing was received.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The other end was dropped, or its process has died, and every message it sent has been received.
    #[error("the other end is gone")]
    Disconnected,
    /// The deadline passed and no message had come.
    #[error("timed out while no message came")]
    TimedOut,
    /// No message is there, and this operation does not wait.
    #[error("no message is there")]
    Empty,
    /// The message came, but is no value of the type. It is gone, the connection goes on.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The message is longer than the limit. It is gone, the connection goes on.
    #[error("a message of {len} bytes is over the limit of {max}; it was dropped")]
    TooLong {
        /// The message's length in bytes.
        len: u64,
        /// The limit of this connection or call.
        max: u64,
    },
    /// The buffer is shorter than the message, which is handed back whole.
    #[error("a message of {} bytes does not fit a buffer of {buffer}", message.len())]
    BufferTooShort {
        /// The whole message.
        message: Vec<u8>,
        /// The length of the caller's buffer.
        buffer: usize,
    },
    /// Bytes that no peer of this library sends. The packet is gone, the connection goes on.
    #[error("corrupt packet: {what}. Is the other end a multiproc connection?")]
    Corrupt {
        /// Which rule the packet breaks.
        what: &'static str,
    },
    /// Descriptors came with the message, but this process may not open so many. The message is gone.
    #[error("descriptors were lost: this process is at its limit of open files (`ulimit -n`)")]
    DescriptorsLost,
    /// The kernel refused.
    #[error("the kernel refused to receive: {0}")]
    Io(#[source] io::Error),
}

impl RecvError {
    /// Whether the other end is gone, so that no later attempt can succeed.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Disconnected)
    }
}

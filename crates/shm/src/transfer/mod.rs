//! How handles travel inside messages: a side table that exists only while a message is encoded or decoded.
//!
//! For those who write a handle of their own, or carry messages by other means than `multiproc-ipc`. A handle's `Serialize`
//! adds its descriptors ([`add`], or an [`Fd`] inside it) and, if being sent changes its state, [registers](register) a
//! [`Transfer`]: the first phase, in which it may say that it is on its way. The second phase comes later and always, once:
//! [`commit`](Transfer::commit) when the message was handed to the kernel, [`roll_back`](Transfer::roll_back) when encoding
//! failed or panicked, sending failed for good, or the message was dropped unsent. Its `Deserialize` [claims](claim) each
//! descriptor, which works once.
//!
//! ```
//! use multiproc_shm::transfer::{self, Descriptor, Fd};
//!
//! let fd = Fd::from(std::io::pipe()?.0);
//! let (bytes, mut sent) = transfer::encoding(0, || postcard::to_stdvec(&fd));
//! let bytes = bytes?;
//! sent.transfers.commit(); // the bytes and `sent.fds` have gone to the other process, which then has them
//! let fds: Vec<Option<Descriptor>> = sent.fds.drain(..).map(Some).collect();
//! let (received, _) = transfer::decoding(fds, || postcard::from_bytes::<Fd>(&bytes));
//! received?;
//! assert!(postcard::to_stdvec(&fd).is_err()); // the number alone means nothing
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod descriptor;
mod fd;
mod phases;

use std::cell::RefCell;
use std::error::Error;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::thread::LocalKey;

use crate::error::ShmError;
use crate::memory::SharedMemory;

pub use self::descriptor::Descriptor;
pub use self::fd::{Fd, FdRef};
pub use self::phases::{Transfer, Transfers};

/// Why a handle could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// No message is being encoded or decoded by this thread.
    #[error(
        "a handle travels only inside a message: send it over a connection, or as the argument of a task"
    )]
    NoMessage,
    /// The descriptor could not be duplicated: the limit on open files, most often.
    #[error("a descriptor could not be duplicated: {0}")]
    Duplicate(#[source] io::Error),
    /// The message has no such descriptor, or it was claimed already.
    #[error("the message has no such descriptor, or it was taken already")]
    NoSuchDescriptor,
    /// The descriptor is that of a handle: a file of it could be written beside all locks.
    #[error(
        "the descriptor belongs to a shared value, not to a file: receive it as the handle that was sent"
    )]
    NotAFile,
    /// The descriptor could not be looked at.
    #[error("a descriptor could not be looked at: {0}")]
    Unreadable(#[source] Box<ShmError>),
}

/// Why a handle refused to be written or read, whole: a format may drop the text of an error.
pub type Refusal = Box<dyn Error + Send + Sync>;

/// What the handles in a value have left beside its bytes.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// Descriptors that the message holds already, before these.
    base: usize,
    /// Descriptors to go with the bytes, in this order.
    pub fds: Vec<Descriptor>,
    /// What to tell the handles.
    pub transfers: Transfers,
    /// The first refusal, if there was one: then the bytes are not to be sent, whatever the encoder says.
    pub refused: Option<Refusal>,
}

/// What the handles in a value have not taken.
#[derive(Debug, Default)]
pub struct Incoming {
    /// Those that are left.
    pub fds: Vec<Option<Descriptor>>,
    /// The first refusal, if there was one.
    pub refused: Option<Refusal>,
}

thread_local! {
    static OUTGOING: RefCell<Option<Outgoing>> = const { RefCell::new(None) };
    static INCOMING: RefCell<Option<Incoming>> = const { RefCell::new(None) };
}

type Slot<T> = &'static LocalKey<RefCell<Option<T>>>;

/// Puts back what the slot held before, also when the user's `Serialize` panics or sends a message itself.
struct Restore<T: 'static> {
    /// `None` while the thread ends and its slots are gone: then no handles travel.
    slot: Option<Slot<T>>,
    before: Option<T>,
}

impl<T> Restore<T> {
    fn swap_in(slot: Slot<T>, value: T) -> Self {
        match slot.try_with(|slot| slot.replace(Some(value))) {
            Ok(before) => Self { slot: Some(slot), before },
            Err(_) => Self { slot: None, before: None },
        }
    }

    fn swap_back(&mut self) -> Option<T> {
        let before = self.before.take();
        self.slot.take()?.try_with(|slot| slot.replace(before)).ok()?
    }
}

impl<T> Drop for Restore<T> {
    fn drop(&mut self) {
        self.swap_back();
    }
}

/// Runs `encode`, collecting what the handles leave; their descriptors are numbered from `base` on.
pub fn encoding<T>(base: usize, encode: impl FnOnce() -> T) -> (T, Outgoing) {
    let mut slot = Restore::swap_in(&OUTGOING, Outgoing { base, ..Outgoing::default() });
    let result = encode();
    (result, slot.swap_back().unwrap_or_default())
}

/// Runs `decode`, handing out `fds`; gives back those that nobody took.
pub fn decoding<T>(fds: Vec<Option<Descriptor>>, decode: impl FnOnce() -> T) -> (T, Incoming) {
    let mut slot = Restore::swap_in(&INCOMING, Incoming { fds, refused: None });
    let result = decode();
    (result, slot.swap_back().unwrap_or_default())
}

fn with<T, R>(slot: Slot<T>, action: impl FnOnce(&mut T) -> R) -> Option<R> {
    slot.try_with(|slot| slot.borrow_mut().as_mut().map(action)).ok().flatten()
}

/// Whether this thread encodes a message, so that a handle may change its state.
pub fn is_encoding() -> bool {
    with(&OUTGOING, |_| ()).is_some()
}

/// Adds a duplicate of `fd` to the message that is being encoded, so that the message stays whole whatever becomes of the
/// handle; gives its number, for [`claim`].
///
/// # Errors
///
/// [`NoMessage`](TransferError::NoMessage), [`Duplicate`](TransferError::Duplicate).
pub fn add(fd: BorrowedFd<'_>) -> Result<u32, TransferError> {
    if !is_encoding() {
        return Err(TransferError::NoMessage);
    }
    add_descriptor(fd.try_clone_to_owned().map_err(TransferError::Duplicate)?.into())
}

/// As [`add`], and takes no number of the process's: for one that messages have in common.
pub(crate) fn add_descriptor(descriptor: Descriptor) -> Result<u32, TransferError> {
    let number = with(&OUTGOING, |outgoing| {
        outgoing.fds.push(descriptor);
        (outgoing.base + outgoing.fds.len() - 1) as u32
    });
    number.ok_or(TransferError::NoMessage)
}

/// Has `transfer` told what becomes of the message that is being encoded.
///
/// # Errors
///
/// [`NoMessage`](TransferError::NoMessage); then it is rolled back at once.
pub fn register(transfer: Box<dyn Transfer>) -> Result<(), TransferError> {
    let mut transfer = Some(transfer);
    with(&OUTGOING, |outgoing| outgoing.transfers.extend(transfer.take()));
    match transfer {
        None => Ok(()),
        Some(transfer) => {
            transfer.roll_back();
            Err(TransferError::NoMessage)
        }
    }
}

/// Takes a descriptor of the message that is being decoded.
///
/// # Errors
///
/// [`NoMessage`](TransferError::NoMessage), [`NoSuchDescriptor`](TransferError::NoSuchDescriptor), [`Duplicate`](TransferError::Duplicate) where
/// the message is decoded by the process that encoded it. [`NotAFile`](TransferError::NotAFile) for what a handle of this crate has added,
/// [`Unreadable`](TransferError::Unreadable) where the kernel does not say.
pub fn claim(number: u32) -> Result<OwnedFd, TransferError> {
    let descriptor = claim_descriptor(number)?;
    match SharedMemory::refuse_typed(descriptor.borrowed()) {
        Ok(()) => descriptor.into_owned().map_err(TransferError::Duplicate),
        Err(ShmError::NotPlain) => Err(TransferError::NotAFile),
        Err(other) => Err(TransferError::Unreadable(Box::new(other))),
    }
}

/// As [`claim`], also the descriptor of a handle.
pub(crate) fn claim_descriptor(number: u32) -> Result<Descriptor, TransferError> {
    let fd = with(&INCOMING, |incoming| incoming.fds.get_mut(number as usize).and_then(Option::take));
    fd.ok_or(TransferError::NoMessage)?.ok_or(TransferError::NoSuchDescriptor)
}

/// The error of a `Serialize` that refuses, kept whole in [`Outgoing::refused`].
pub fn refuse_encoding<E: serde::ser::Error>(refusal: impl Into<Refusal>) -> E {
    let refusal = refusal.into();
    let error = E::custom(&refusal);
    with(&OUTGOING, |outgoing| {
        outgoing.refused.get_or_insert(refusal);
    });
    error
}

/// The error of a `Deserialize` that refuses, kept whole in [`Incoming::refused`].
pub fn refuse_decoding<E: serde::de::Error>(refusal: impl Into<Refusal>) -> E {
    let refusal = refusal.into();
    let error = E::custom(&refusal);
    with(&INCOMING, |incoming| {
        incoming.refused.get_or_insert(refusal);
    });
    error
}

//! Typed connections between processes: messages, deadlines, descriptors.
//!
//! [`pipe`] makes two connected [`Connection`]s. One end goes to another process, inside a message or as an argument
//! of a task; both then `send` and `recv` values of any type that serde knows.
//!
//! ```
//! let (parent, child) = multiproc_ipc::pipe::<u64, String>()?;
//! let worker = std::thread::spawn(move || child.send(format!("got {}", child.recv().unwrap())));
//! parent.send(7)?;
//! assert_eq!(parent.recv()?, "got 7");
//! worker.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//!
//! - [`Connection`], [`pipe`]: values of one type each way.
//! - [`Fd`]: a file descriptor inside a value.
//! - [`Offer`], [`Invitation`]: a value for processes that come later.
//! - [`Message`], [`MessageSocket`]: the layer below, for those who encode in one place and send in another.
//!
//! Linux only. The peer is trusted to be a program of the same user that speaks this protocol; bytes that break it
//! are [`RecvError::Corrupt`] or [`DecodeError`], never undefined behaviour.

#![cfg(not(multiproc_loom))] // a model knows no sockets

mod broker;
mod connection;
mod connection_bytes;
mod error;
mod header;
mod message;
mod socket;
mod sys;

pub use broker::{ACCEPT_LIMIT, AcceptError, Invitation, InvitationError, Offer, OfferError, OfferErrorKind};
pub use connection::{Connection, DEFAULT_MAX_LEN, pipe};
pub use error::{DecodeError, EncodeError, RecvError, SendError, SendErrorKind};
pub use message::{MAX_DESCRIPTORS, Message, Values};
pub use multiproc_shm::transfer::Fd;
pub use socket::{INLINE_MAX, MessageSocket, Polled};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;

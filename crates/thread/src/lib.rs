//! What Python's `threading` and `queue` give, and the standard library lacks.
//!
//! # Layout
//!
//! - [`CancelToken`]: asks threads to end, and ends their waits; [`check_cancelled`], [`sleep`].
//! - [`channel`]: plain channels, and which to take.

mod cancel;
#[cfg(not(multiproc_loom))]
pub mod channel;

pub use self::cancel::{CancelToken, Cancelled, WaitError};
#[cfg(not(multiproc_loom))]
pub use self::cancel::{check_cancelled, sleep};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;

//! What Python's `threading` and `queue` give, and the standard library lacks.
//!
//! # Layout
//!
//! - [`queue`]: [`Queue`], [`LifoQueue`], [`PriorityQueue`], [`SimpleQueue`].
//! - [`channel`]: plain channels, and which to take.

#[cfg(not(multiproc_loom))]
pub mod channel;
mod planted;
#[cfg(not(multiproc_loom))]
pub mod queue;
#[cfg(multiproc_loom)]
#[path = "queue/modelled.rs"]
mod queue;

#[cfg(not(multiproc_loom))]
pub use self::queue::{
    GetError, LifoQueue, PriorityQueue, PutError, Queue, Shutdown, SimpleQueue, TaskDoneError,
    UnfinishedError,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;

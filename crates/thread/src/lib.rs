//! What Python's `threading` and `queue` give, and the standard library lacks.
//!
//! # Layout
//!
//! - [`channel`]: plain channels, and which to take.

pub mod channel;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;

//! Processes that run functions, and pools of them that survive the death of any worker.
//!
//! A thread that crashes, leaks or overwrites memory takes its program with it; a process takes one task.
//! [`Process`] runs one function in a process of its own, [`ProcessPool`] many on worker processes. A child is this same
//! program, started anew: it enters the hook, [`init`], in the first line of `main`, and never gets past it.
//!
//! ```
//! use multiproc_pool::ProcessPool;
//!
//! fn word_count(text: String) -> usize {
//!     text.split_whitespace().count()
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     multiproc_pool::init(); // or #[multiproc::main] above main
//!     let pool = ProcessPool::new()?;
//!     let texts = ["to be or not", "to be"].map(String::from);
//!     assert_eq!(pool.map(word_count, &texts)?, [4, 2]);
//!     Ok(())
//! }
//! ```
//!
//! # What a task is
//!
//! An `fn(A) -> R`: a function, an instance of a generic one, or a closure that captures nothing, whose argument and
//! result serde knows. Nothing is registered. What is sent is where the function lies in the program, checked on
//! arrival: another build, an offset out of range, misaligned or without the mark of a task is a [`Refusal`]. A closure
//! that captures does not compile:
//!
//! ```compile_fail,E0308
//! # use multiproc_pool::ProcessPool;
//! let n = 1;
//! let pool = ProcessPool::new().unwrap();
//! pool.call(|m: u32| m + n, 1);
//! ```
//!
//! # Whom to trust
//!
//! A child trusts its parent: a forged request is a call to any code of the program. Requests come over a socket that
//! the child inherits and nobody else can open. Which socket, the environment says: whoever starts a program can have
//! it run any of its own code. A program with rights of its own (setuid, say) does not listen to that.
//!
//! # What a child inherits
//!
//! Arguments, environment, working folder, standard input, output and error, the CPUs of the thread that asked. Other
//! descriptors only inside arguments. Workers of a pool let SIGINT pass, which a terminal sends to all processes at
//! once: the parent decides what it means.
//!
//! # Platform
//!
//! Linux 5.4 or later, with `/proc` mounted; glibc 2.29 or later, or musl.

#[cfg(not(multiproc_loom))]
mod child;
#[cfg(not(multiproc_loom))]
#[doc(hidden)]
pub mod entry;
#[cfg(not(multiproc_loom))]
mod error;
#[cfg(not(multiproc_loom))]
mod image;
#[cfg(not(multiproc_loom))]
mod pool;
#[cfg(multiproc_loom)]
#[path = "pool/modelled.rs"]
mod pool;
#[cfg(not(multiproc_loom))]
mod process;
#[cfg(not(multiproc_loom))]
mod remote_error;
#[cfg(not(multiproc_loom))]
mod request;
#[cfg(not(multiproc_loom))]
mod supervisor;
#[cfg(not(multiproc_loom))]
mod sys;
#[cfg(not(multiproc_loom))]
mod task;
#[cfg(not(multiproc_loom))]
mod worker;
#[cfg(not(multiproc_loom))]
pub use {
    entry::init,
    error::{Panic, PoolError, ProcessError, TaskError},
    pool::ProcessPool,
    pool::builder::{MAX_WORKERS, PoolBuilder},
    pool::handle::TaskHandle,
    pool::info::{PoolStats, WorkerInfo, WorkerState},
    process::{Process, ProcessBuilder},
    remote_error::{RemoteError, Result},
    task::Refusal,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;

//! The one switch between the machine and the model checker.
//!
//! Locks are written once, against the types of this module. Compiled as usual these are the standard library's atomics
//! and the kernel's futexes, of the same size and layout. Compiled with `--cfg multiproc_loom` they are those of
//! [loom](https://docs.rs/loom), which runs a program in every order of its threads' steps, up to some number of preemptions;
//! and the kernel is played by the module `model` in here, which can also let a process die before any step.
//!
//! The switch is public, so that crates above this one, and yours, can model what they build on these locks:
//! write it against this module, and run `RUSTFLAGS="--cfg multiproc_loom" cargo test` with a target folder of its own.

mod atomic;
mod cell;
#[cfg(multiproc_loom)]
pub mod model;
mod planted_bugs;
mod this_thread;

pub use self::atomic::{AtomicU32, AtomicU64, AtomicUsize, fence};
pub use self::cell::UnsafeCell;
pub(crate) use self::cell::{Access, ReadAccess};
pub(crate) use self::this_thread::{this_thread, this_thread_if_numbered};

/// Thread-locals of the program's threads, or of a model's. What has no destructor costs no registration.
macro_rules! thread_locals {
    ($($(#[$meta:meta])* static $name:ident: $kind:ty = $value:expr;)+) => {
        #[cfg(multiproc_loom)]
        loom::thread_local! { $($(#[$meta])* static $name: $kind = $value;)+ }
        #[cfg(not(multiproc_loom))]
        std::thread_local! { $($(#[$meta])* static $name: $kind = const { $value };)+ }
    };
}
pub(crate) use thread_locals;

/// When a wait ends.
#[cfg(not(multiproc_loom))]
pub type Deadline = std::time::Instant;
/// When a wait ends: at the step at which the model says so.
#[cfg(multiproc_loom)]
pub use self::model::Deadline;

/// Blocking of threads of one process, for bookkeeping that no other process sees.
#[allow(clippy::disallowed_types)] // the one place that may
pub mod blocking {
    #[cfg(multiproc_loom)]
    pub use loom::sync::{Condvar, Mutex, MutexGuard};
    #[cfg(not(multiproc_loom))]
    pub use std::sync::{Condvar, Mutex, MutexGuard};
}

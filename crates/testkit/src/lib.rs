//! What the tests of multiproc share. A dev-dependency by path, never published.
//!
//! - [`until()`], [`eventually`]: wait for a condition, within a limit. The only place where tests sleep.
//! - [`Watchdog`]: a test that hangs ends, and tells what every thread was doing.
//! - [`Leaks`]: no process, descriptor, thread, segment or file is left behind.
//! - [`ChildTest`]: a test of this binary in a process of its own, to be killed, to exit, to leave orphans.
//! - [`process_exists`], [`is_running`], [`state_of`], [`children_of`], [`kill`], [`proc_fd_count`]: what `/proc` shows.
//! - [`mod@fork`]: processes that share what the test has mapped.
//! - [`mounts`]: folders that only one process sees; [`own_shm!`]: a `/dev/shm` that only one test program has.
//! - [`needs()`]: what not every machine gives, so that a test shows nothing there.
//! - [`fault`]: a process is killed before every instruction of an operation, and its survivors are judged.
//! - [`TempDir`]: a folder for the files of a test.
//! - [`planted`]: bugs that the models must find.
//!
//! Linux only, like everything here.

mod child;
mod descriptors;
mod family;
pub mod fault;
pub mod fork;
mod holdings;
mod leaks;
pub mod mounts;
mod needs;
#[doc(hidden)] // for its macro
pub mod own_shm;
mod own_threads;
pub mod planted;
mod process;
mod sys;
mod temp;
mod until;
mod watchdog;

pub use child::{ChildTest, FinishedTest, RunningTest, is_child};
pub use descriptors::proc_fd_count;
pub use leaks::Leaks;
pub use needs::needs;
pub use nix::sys::signal::Signal;
pub use process::{children_of, is_running, kill, process_exists, state_of};
pub use temp::TempDir;
pub use until::{LIMIT, eventually, holds_within, until};
pub use watchdog::Watchdog;

/// The example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

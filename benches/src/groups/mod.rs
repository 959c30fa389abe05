//! The benches, a file for each group.

pub(crate) mod barrier;
pub(crate) mod condvar;
pub(crate) mod event;
pub(crate) mod mutex;
pub(crate) mod once;
pub(crate) mod pool;
pub(crate) mod process;
pub(crate) mod selftest;
pub(crate) mod semaphore;

use crate::Result;

/// A contender that computes something else is not measured.
pub(crate) fn agree(got: u64, wanted: u64) -> Result<()> {
    if got == wanted { Ok(()) } else { Err(format!("it answered {got} where {wanted} is right").into()) }
}

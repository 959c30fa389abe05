//! Flags to wait for, as one makes them without an event: a file for each place they come from.

pub(crate) mod futex;
pub(crate) mod pthread;
pub(crate) mod raw_sync;
pub(crate) mod threads_only;

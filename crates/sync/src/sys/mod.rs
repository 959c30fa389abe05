//! The system calls of the crate, and nothing else.

pub(crate) mod fork;
pub(crate) mod futex;
pub(crate) mod process;
pub(crate) mod robust_list;
pub(crate) mod thread_end;

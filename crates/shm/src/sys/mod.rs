//! Every system call of the crate.

pub(crate) mod fork;
pub(crate) mod memfd;

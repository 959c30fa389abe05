//! Every system call of the crate.

pub(crate) mod memfd;

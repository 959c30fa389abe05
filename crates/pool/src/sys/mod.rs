//! Every system call of the crate.

pub(crate) mod child;
pub(crate) mod image;
pub(crate) mod pidfd;
pub(crate) mod spawn;
pub(crate) mod thread;
pub(crate) mod wait;

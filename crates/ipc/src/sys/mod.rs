//! Every system call of the crate: packets, files for long messages, waiting.

pub(crate) mod packet;
pub(crate) mod spill;
pub(crate) mod wait;

//! Every system call of the crate: packets, addresses, files for long messages, waiting.

pub(crate) mod door;
pub(crate) mod packet;
pub(crate) mod spill;
pub(crate) mod wait;

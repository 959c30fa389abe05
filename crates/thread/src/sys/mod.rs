//! Every system call of the crate.

pub(crate) mod exit;
pub(crate) mod native;

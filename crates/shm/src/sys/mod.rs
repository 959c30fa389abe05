//! Every system call of the crate.

pub(crate) mod file_id;
pub(crate) mod folder;
pub(crate) mod fork;
pub(crate) mod lock;
pub(crate) mod memfd;
pub(crate) mod ofd;
pub(crate) mod space;

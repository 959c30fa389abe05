//! Who is killed, in which company, and how the survivors are judged.

pub(crate) mod barrier;
pub(crate) mod condvar;
mod crowd;
pub(crate) mod doorbell;
mod family;
pub(crate) mod mutex;
mod peers;
pub(crate) mod pread;
mod shared;
mod victims;

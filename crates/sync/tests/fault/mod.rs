//! Who is killed, in which company, and how the survivors are judged.

mod crowd;
pub(crate) mod doorbell;
pub(crate) mod event;
mod family;
pub(crate) mod mutex;
mod peers;
pub(crate) mod pread;
mod shared;
mod victims;

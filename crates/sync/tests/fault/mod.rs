//! Who is killed, in which company, and how the survivors are judged.

pub(crate) mod barrier;
pub(crate) mod condvar;
mod crowd;
pub(crate) mod doorbell;
pub(crate) mod event;
mod family;
mod gate;
pub(crate) mod latch;
pub(crate) mod mutex;
pub(crate) mod once;
mod peers;
pub(crate) mod pread;
pub(crate) mod robust_semaphore;
pub(crate) mod semaphore;
pub(crate) mod several_permits;
mod shared;
mod victims;
pub(crate) mod wait_group;

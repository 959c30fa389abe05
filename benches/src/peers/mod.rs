//! What a user would pick instead, and the floor: a file for each.

pub(crate) mod bare;
pub(crate) mod channel;
pub(crate) mod condition;
pub(crate) mod counter;
pub(crate) mod crossbeam;
pub(crate) mod flags;
pub(crate) mod fork;
pub(crate) mod futex;
pub(crate) mod heap;
pub(crate) mod image;
pub(crate) mod latch;
pub(crate) mod meeting;
pub(crate) mod once;
pub(crate) mod parts;
pub(crate) mod pipe_pool;
pub(crate) mod procspawn;
pub(crate) mod pthread;
pub(crate) mod python;
pub(crate) mod raw_sync;
pub(crate) mod rwlock;
pub(crate) mod segment;
pub(crate) mod sem_t;
pub(crate) mod std_thread;
pub(crate) mod threads_only;

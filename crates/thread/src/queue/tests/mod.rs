//! Models of the queues: every order in which putters, getters and those who wait can meet, up to a number of preemptions.

mod loom_blocking;
mod loom_join;
mod loom_shutdown;
mod model;

//! What of the queues is compiled for the model checker: the logic by which threads meet, and its models.
#![allow(unreachable_pub)] // what users see of it is not compiled here
#![allow(dead_code)] // some is called by the kinds of queues only

mod account;
mod contention;
mod error;
mod locked;
mod ring;
mod shell;
mod sleepers;
mod store;
#[cfg(test)]
mod tests;

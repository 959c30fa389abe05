//! What of arenas is compiled for the model checker: the words by which processes meet, and their models.
#![allow(dead_code, unreachable_pub)] // there is no memory for them, and nobody outside

mod block;
mod error;
mod search;
mod spans;
mod sweep;
#[cfg(test)]
mod tests;
mod word;

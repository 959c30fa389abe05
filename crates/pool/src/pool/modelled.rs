//! What of the pool is compiled for the model checker: the logic by which threads meet, and its models.

mod planted;
mod role;
#[cfg(test)]
mod tests;
mod wait;
mod waiter;

//! What of threads is compiled for the model checker: the logic by which they meet, and its models.

mod phase;
mod roll;
#[cfg(test)]
mod tests;

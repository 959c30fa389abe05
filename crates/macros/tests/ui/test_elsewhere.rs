//! A test is a function.

#[multiproc_macros::test]
mod tests {}

fn main() {}

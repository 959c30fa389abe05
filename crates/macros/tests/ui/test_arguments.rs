//! The attribute takes no arguments.

#[multiproc_macros::test(workers = 4)]
fn sums() {}

fn main() {}

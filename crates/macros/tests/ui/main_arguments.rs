//! The attribute takes no arguments.

#[multiproc_macros::main(workers = 4)]
fn main() {}

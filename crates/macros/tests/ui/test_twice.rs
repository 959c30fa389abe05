//! A second test attribute would run the test twice.

#[multiproc_macros::test]
#[test]
fn plain() {}

#[multiproc_macros::test]
#[ignore]
#[core::prelude::v1::test]
fn by_path() {}

#[multiproc_macros::test]
#[multiproc_macros::test]
fn the_same() {}

fn main() {}

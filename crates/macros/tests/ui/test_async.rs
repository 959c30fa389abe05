//! Nobody would poll the future of an `async` test.

#[multiproc_macros::test]
async fn polls() {}

fn main() {}

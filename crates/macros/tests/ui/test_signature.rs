//! What a test cannot be.

#[multiproc_macros::test]
fn generic<T>() {}

#[multiproc_macros::test]
fn bounded()
where
    u8: Copy,
{
}

#[multiproc_macros::test]
fn with_parameters(_case: usize) {}

#[multiproc_macros::test]
const fn constant() {}

#[multiproc_macros::test]
unsafe fn without_safety() {}

#[multiproc_macros::test]
extern "C" fn foreign() {}

fn main() {}

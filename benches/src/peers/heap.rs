//! The system allocator.

use std::hint::black_box;

use crate::Result;
use crate::blocks::Heap;

/// A slice of zeros in a `Box`.
#[derive(Debug)]
pub(crate) struct System;

impl Heap for System {
    fn new() -> Result<Self> {
        Ok(Self)
    }

    #[inline]
    fn once<const BYTES: usize>(&self) -> Result<()> {
        // Not by `vec![0; n]`: large ones would come by pages that are not there yet.
        let mut block = Vec::with_capacity(black_box(BYTES));
        block.resize(BYTES, 0_u8);
        block[0] = 1;
        black_box(&mut block);
        Ok(())
    }
}

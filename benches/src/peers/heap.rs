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
        let mut block = vec![0_u8; black_box(BYTES)];
        block.fill(0); // large ones come zeroed, by pages that are not there yet
        block[0] = 1;
        black_box(&mut block);
        Ok(())
    }
}

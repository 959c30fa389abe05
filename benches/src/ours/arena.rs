//! Our arenas.

use std::hint::black_box;

use multiproc::shm::{Arena, ShmSafe};

use crate::Result;
use crate::blocks::Heap;

/// One with room for a few blocks of each size.
#[derive(Debug)]
pub(crate) struct OurArena(Arena);

/// So many bytes that nobody writes all of, as a `Box` of nothing that is there.
#[derive(ShmSafe, Clone, Copy)]
#[repr(C)]
struct First {
    byte: u8,
}

impl Heap for OurArena {
    fn new() -> Result<Self> {
        Ok(Self(Arena::new(4 << 20)?))
    }

    #[inline]
    fn once<const BYTES: usize>(&self) -> Result<()> {
        let mut block = self.0.alloc_zeroed::<First>(BYTES)?;
        block[0].byte = 1;
        black_box(&mut block);
        Ok(())
    }
}

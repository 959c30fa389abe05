//! What can lie in a block: a value, or a row of them. `unsafe`: a block's address becomes a pointer to that.
#![allow(unsafe_code)]

use std::ptr::NonNull;

use multiproc_sync::shm_safe::{Layout, ShmPlain};

/// What an [`ArenaBox`](super::ArenaBox) can have: a [`ShmPlain`] type, or a slice of such. Nobody else implements it.
///
/// # Safety
///
/// It is as long and as much aligned as it says, and any bytes are a value of it.
pub unsafe trait ArenaContent: sealed::Sealed {
    /// The fingerprint of its layout.
    #[doc(hidden)]
    const LAYOUT: u64;

    /// What it takes at least, in bytes, with `len` elements. `None`: more than a number can say.
    #[doc(hidden)]
    fn bytes(len: usize) -> Option<usize>;

    /// How many elements a slice has; 1 for a value.
    #[doc(hidden)]
    fn elements(content: NonNull<Self>) -> usize;

    /// At this address, with `len` elements.
    #[doc(hidden)]
    fn at(address: NonNull<u8>, len: usize) -> NonNull<Self>;
}

mod sealed {
    use multiproc_sync::shm_safe::ShmPlain;

    #[allow(unnameable_types)]
    pub trait Sealed {}
    impl<T: ShmPlain> Sealed for T {}
    impl<T: ShmPlain> Sealed for [T] {}
}

/// So that the block of this size is aligned for it: blocks are aligned to their size, up to a page.
const fn aligned<T>(bytes: usize) -> usize {
    const { assert!(align_of::<T>() <= crate::header::MAX_ALIGN, "a block is aligned to a page at most") };
    if bytes < align_of::<T>() { align_of::<T>() } else { bytes }
}

// SAFETY: a `T` is as long as itself, and any bytes are one: it is `ShmSafe`.
unsafe impl<T: ShmPlain> ArenaContent for T {
    const LAYOUT: u64 = Layout::named("multiproc_shm::ArenaBox/1").with::<T>().to_u64();

    fn bytes(len: usize) -> Option<usize> {
        (len == 1).then_some(aligned::<T>(size_of::<T>()))
    }

    fn elements(_: NonNull<Self>) -> usize {
        1
    }

    fn at(address: NonNull<u8>, _: usize) -> NonNull<Self> {
        address.cast()
    }
}

// SAFETY: as above, of each element.
unsafe impl<T: ShmPlain> ArenaContent for [T] {
    const LAYOUT: u64 = Layout::named("multiproc_shm::ArenaBox[]/1").with::<T>().to_u64();

    fn bytes(len: usize) -> Option<usize> {
        size_of::<T>().checked_mul(len).map(aligned::<T>)
    }

    fn elements(content: NonNull<Self>) -> usize {
        content.len()
    }

    fn at(address: NonNull<u8>, len: usize) -> NonNull<Self> {
        NonNull::slice_from_raw_parts(address.cast(), len)
    }
}

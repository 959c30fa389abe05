//! Numbers, atomics and arrays in shared memory. `unsafe`: the promises of the traits.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // says of the standard library's atomics what they are

use std::cell::Cell;
use std::sync::atomic;

use super::{Layout, PlaceError, Placement, ShmPlain, ShmSafe};

macro_rules! plain {
    ($($type:ty),* $(,)?) => {$(
        // SAFETY: a number, or the standard library's atomic of the same size: every bit pattern is one.
        unsafe impl ShmSafe for $type {
            const LAYOUT: Layout = Layout::named(stringify!($type));
        }
        // SAFETY: holds no lock.
        unsafe impl ShmPlain for $type {}
    )*};
}

plain!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, ());
plain!(
    atomic::AtomicU8,
    atomic::AtomicU16,
    atomic::AtomicU32,
    atomic::AtomicU64,
    atomic::AtomicUsize,
    atomic::AtomicI8,
    atomic::AtomicI16,
    atomic::AtomicI32,
    atomic::AtomicI64,
    atomic::AtomicIsize,
);

// SAFETY: `repr(transparent)` over its value. Not `Sync`, so that processes share it behind a lock only. `ShmPlain`: what it holds can be
// moved out.
unsafe impl<T: ShmPlain> ShmSafe for Cell<T> {
    const LAYOUT: Layout = Layout::named("Cell").with::<T>();
}
// SAFETY: holds no lock.
unsafe impl<T: ShmPlain> ShmPlain for Cell<T> {}

// SAFETY: elements beside each other, with the promises of each.
unsafe impl<T: ShmSafe, const N: usize> ShmSafe for [T; N] {
    const LAYOUT: Layout = Layout::named("array").with::<T>().with_count(N);
    const NEEDS_PLACEMENT: bool = T::NEEDS_PLACEMENT;

    fn place(&mut self, placement: &Placement) -> Result<(), PlaceError> {
        if !T::NEEDS_PLACEMENT {
            return Ok(()); // spares a debug build a walk over millions of elements
        }
        self.iter_mut().try_for_each(|element| element.place(placement))
    }
}

// SAFETY: elements without locks.
unsafe impl<T: ShmPlain, const N: usize> ShmPlain for [T; N] {}

//! What may lie in memory that several processes map. `unsafe`: the implementor promises it.
#![allow(unsafe_code)]

mod impls;
mod layout;
mod placement;

pub use self::layout::Layout;
pub use self::placement::{PlaceError, Placement};

/// A type that several processes can have in common memory, and of which any of them may die halfway through a write.
///
/// Derive it (`#[derive(ShmSafe)]` of the crate `multiproc-shm`) rather than write it.
///
/// # Safety
///
/// - Every bit pattern is a valid value: a process can be killed between any two stores. So no `bool`, `char`, `enum`, `NonZero`;
///   `multiproc-shm` has types in their place.
/// - It holds no pointer, reference or handle: addresses and numbers of descriptors mean nothing elsewhere.
/// - It has no `Drop`, and nothing in it has: nobody knows who would run it.
/// - It is `repr(C)`, a primitive, or `repr(transparent)` over one: two builds lay it out alike.
/// - [`place`](Self::place) places every lock in it.
/// - [`LAYOUT`](Self::LAYOUT) is another for every other layout.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot lie in shared memory",
    label = "not `ShmSafe`",
    note = "a struct needs `#[repr(C)]` and `#[derive(ShmSafe)]`",
    note = "instead of `bool` use `ShmBool` of `multiproc-shm`; of `char`, `ShmChar`; of `Option`, `ShmOption`; of an enum, `ShmEnum`; \
            of `NonZero`, the number",
    note = "instead of a reference, pointer or `Box` use an index; of `Vec` or `String`, an array of a fixed length"
)]
pub unsafe trait ShmSafe: Sized + 'static {
    /// The fingerprint of the layout.
    const LAYOUT: Layout;

    /// Whether [`place`](Self::place) does anything.
    const NEEDS_PLACEMENT: bool = false;

    /// Makes the locks in it locks for processes. Called once, at the value's final address, before anybody else can reach it.
    ///
    /// # Errors
    ///
    /// [`PlaceError`]; then the value must not be given to other processes.
    fn place(&mut self, placement: &Placement) -> Result<(), PlaceError> {
        let _ = placement;
        Ok(())
    }
}

/// A type that may lie in shared memory and holds no lock, so that a guard can give `&mut` to it: what is swapped out of there
/// is no lock that the kernel knows by its address.
///
/// # Safety
///
/// No part of it needs [placement](ShmSafe::place).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be what a lock in shared memory guards",
    label = "not `ShmPlain`",
    note = "what holds a lock is not `ShmPlain`: a guard's `&mut` could move that lock away; put the locks beside each other"
)]
pub unsafe trait ShmPlain: ShmSafe {}

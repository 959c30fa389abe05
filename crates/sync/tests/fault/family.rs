//! A family in memory that forks share. `unsafe`: the registry and the locks are made in raw memory.
#![allow(unsafe_code)]

use std::ops::Range;
use std::ptr::NonNull;

use multiproc_sync::registry::{self, Registry};
use multiproc_sync::shm_safe::{Placement, ShmSafe};
use multiproc_testkit::fault::Memory;

/// Room for a registry.
pub(super) type Room = [u8; Registry::LEN];

/// Makes this process the first of a family; gives where its registry lies.
pub(super) fn found() -> Range<usize> {
    found_in(room())
}

/// The same, with its registry in `room`, which is fresh.
pub(super) fn found_in(room: NonNull<Room>) -> Range<usize> {
    // SAFETY: fresh zeroed memory, mapped shared, never unmapped, and known to nobody else.
    let registry = unsafe { Registry::format(room.cast(), Registry::LEN) };
    install(registry.expect("zeroed memory can be formatted"), room)
}

/// Makes this process one of a family whose registry was like `image`.
pub(super) fn join(image: &Room) -> Range<usize> {
    const PAGE: usize = 4096;
    let room = room();
    for (at, page) in image.chunks(PAGE).enumerate().filter(|(_, page)| page.iter().any(|byte| *byte != 0)) {
        // SAFETY: both have the same length, and nobody else knows the room yet.
        unsafe {
            let to = room.cast::<u8>().add(at * PAGE);
            to.copy_from_nonoverlapping(NonNull::from(page).cast(), page.len());
        }
    }
    // SAFETY: a registry, mapped shared, never unmapped, and known to nobody else.
    let registry = unsafe { Registry::attach(room.cast(), Registry::LEN) };
    install(registry.expect("the image is a registry"), room)
}

/// Zeroed, shared, for good.
pub(super) fn room() -> NonNull<Room> {
    // SAFETY: bytes may be zero.
    let memory = unsafe { Memory::<Room>::zeroed() };
    let start = memory.as_ptr();
    memory.leak();
    start
}

fn install(registry: Registry, room: NonNull<Room>) -> Range<usize> {
    registry::install(Box::leak(Box::new(registry))).expect("a stage has one registry");
    let start = room.addr().get();
    start..start + WATCHED.min(Registry::LEN)
}

/// How much of a registry is compared after each step, for what the step has stored. All of it, but for most of the side tables of the
/// features `contention` and `deadlock`: they are long, and a clock that is read between two steps would never be read through.
const WATCHED: usize = 2 << 20;

/// A value for all processes of the family, its locks placed by `place`.
///
/// # Safety
///
/// All zeros are a valid `T`.
pub(super) unsafe fn share<T>(value: T, place: impl FnOnce(&mut T, &Placement)) -> &'static T {
    // SAFETY: the caller's promise.
    let memory = unsafe { Memory::<T>::zeroed() };
    let start: NonNull<T> = memory.as_ptr();
    // SAFETY: the family's memory is shared, and what is placed stays where it is to the end of the process.
    let placement = unsafe { Placement::new() }.expect("the registry is installed");
    // SAFETY: writable and aligned, and known to nobody else.
    unsafe {
        start.write(value);
        place(&mut *start.as_ptr(), &placement);
    }
    memory.leak()
}

/// Places one lock.
pub(super) fn place<T: ShmSafe>(lock: &mut T, placement: &Placement) {
    lock.place(placement).expect("the registry is installed");
}

/// Where a value lies.
pub(super) fn range<T>(value: &T) -> Range<usize> {
    let start = std::ptr::from_ref(value).addr();
    start..start + size_of::<T>()
}

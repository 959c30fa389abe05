//! Values made of whatever bytes a damaged segment may hold. `unsafe`: bytes are taken for values.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // a word of a value, not a lock
#![allow(dead_code)] // each test program uses some of it

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use multiproc_sync::shm_safe::ShmSafe;

/// A value of these bytes.
pub(crate) fn value<T: ShmSafe, const WORDS: usize>(words: [u32; WORDS]) -> T {
    assert_eq!((size_of::<T>(), align_of::<T>()), (4 * WORDS, align_of::<u32>()));
    // SAFETY: as long as the value, and every bit pattern is one: `ShmSafe`.
    unsafe { std::mem::transmute_copy(&words) }
}

/// Writes the first word of a value, and wakes nobody.
pub(crate) fn write<T: ShmSafe>(value: &T, word: u32) {
    assert!(size_of::<T>() >= 4 && align_of::<T>() >= align_of::<u32>());
    // SAFETY: inside the value, aligned; its first word is an atomic one, by the caller's choice of type.
    let first = unsafe { AtomicU32::from_ptr(std::ptr::from_ref(value).cast::<u32>().cast_mut()) };
    first.store(word, SeqCst);
}

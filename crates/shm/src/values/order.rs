//! Stores that a death finds in the order of the source. `unsafe`: a volatile store.
#![allow(unsafe_code)]

use std::ptr;
use std::sync::atomic::{Ordering::SeqCst, compiler_fence};

/// Stores `value` after all that is stored before this call, and before all that is stored after it, for whoever looks once this process
/// is dead.
///
/// A process dies between two instructions: every processor has executed those before, and none of those after. The next one to look has
/// the lock from the dead one, and with it the kernel's barriers. So the compiler alone must keep the order: it moves no access across
/// a fence, and merges no volatile store with another.
#[inline(always)]
pub(super) fn store(place: &mut u8, value: u8) {
    compiler_fence(SeqCst);
    // SAFETY: a reference's own byte.
    unsafe { ptr::from_mut(place).write_volatile(value) };
    compiler_fence(SeqCst);
}

//! Shared memory of a model: the heap, which all of its processes have in common. `unsafe`: its locks are placed there.
#![allow(unsafe_code)]

use std::sync::Arc;

use crate::shm_safe::{Placement, ShmSafe};

/// `value` in memory that all processes of a model share: locks in it are locks for processes.
///
/// # Panics
///
/// If the value cannot be placed.
pub fn shared<T: ShmSafe>(value: T) -> Arc<T> {
    let mut shared = Arc::new(value);
    let place = Arc::get_mut(&mut shared).expect("nobody else has it yet");
    // SAFETY: at its final address and reached by nobody else; the kernel of a model holds its words by count.
    let placement = unsafe { Placement::new() };
    let placed = placement.and_then(|placement| place.place(&placement));
    placed.expect("a value that can be placed");
    shared
}

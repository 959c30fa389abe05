//! The proof that a value lies where all of its processes will find it. `unsafe`: only its maker knows.
#![allow(unsafe_code)]

#[cfg(not(multiproc_loom))]
use crate::registry;

/// Says that a value is at its final address, in a shared mapping: a lock that is [placed](super::ShmSafe::place) by it becomes
/// one for processes.
#[derive(Debug)]
pub struct Placement(());

/// Why a value could not be made ready for shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// This process has no registry, so that the owner of a lock would have no name.
    #[error("this process belongs to no family yet: make the value with multiproc-shm, which sees to it")]
    NoRegistry,
}

impl Placement {
    /// # Errors
    ///
    /// [`NoRegistry`](PlaceError::NoRegistry) before a registry is [installed](crate::registry::install).
    ///
    /// # Safety
    ///
    /// Each value that is placed by it
    /// - lies at its final address, in memory mapped shared;
    /// - is reached by nobody else until it is placed;
    /// - stays mapped for as long as anything borrows it, and while [`holds_within`](crate::registry::holds_within) says so.
    pub unsafe fn new() -> Result<Self, PlaceError> {
        #[cfg(not(multiproc_loom))]
        if registry::installed().is_none() {
            return Err(PlaceError::NoRegistry);
        }
        Ok(Self(()))
    }
}

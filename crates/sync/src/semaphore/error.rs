//! Why permits were not taken back.

/// More permits were released than there is room for; none of them was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{released} permits were released where {free} of at most {bound} were free: release each as often as it was acquired"
)]
#[non_exhaustive]
pub struct ReleaseError {
    /// How many were released.
    pub released: u32,
    /// How many were free at that moment.
    pub free: u32,
    /// The most that can be free.
    pub bound: u32,
}

//! Segments of shared memory: made, mapped, and dropped, one after the other.

use crate::Result;
use crate::session::{Setting, Start};

pub(crate) const MIB: usize = 1 << 20;
pub(crate) const GIB: usize = 1 << 30;

/// Whether the kernel sets memory aside at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reserve {
    /// When it is touched, which nobody does here.
    Nothing,
    /// All of it: it costs zeroed pages.
    All,
}

/// A way to have memory in common.
pub(crate) trait Segment: 'static {
    fn make_and_drop(length: usize, reserve: Reserve) -> Result<()>;
}

/// Of so many bytes.
pub(crate) fn untouched<S: Segment, const LENGTH: usize>(_: &Setting) -> Result<Start> {
    repeat::<S, LENGTH>(Reserve::Nothing)
}

/// The same, all of it set aside.
pub(crate) fn reserved<S: Segment, const LENGTH: usize>(_: &Setting) -> Result<Start> {
    repeat::<S, LENGTH>(Reserve::All)
}

fn repeat<S: Segment, const LENGTH: usize>(reserve: Reserve) -> Result<Start> {
    Start::here(move || S::make_and_drop(LENGTH, reserve).map(|()| 1))
}

//! Whether this process is a fork of the one that made something.

use std::sync::atomic::Ordering::Relaxed;

use crate::identity;
use crate::primitive::AtomicU32;
use crate::sys;

/// Forks between the first process of the program and this one.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Called in each fork of this process, by the thread that forked.
pub(crate) extern "C" fn in_child() {
    GENERATION.fetch_add(1, Relaxed);
    identity::forget_in_fork();
}

/// Marks what belongs to the process that made it and not to its forks.
///
/// ```
/// let made_by = multiproc_sync::Generation::now();
/// assert!(made_by.is_ours()); // in a fork of this process it would not be
/// ```
///
/// Forks are seen by way of `pthread_atfork`: one by a bare system call is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(u32);

impl Generation {
    /// The generation of this process.
    #[inline]
    pub fn now() -> Self {
        sys::fork::hooked();
        Self(GENERATION.load(Relaxed))
    }

    /// Whether this process is the one that was marked. Costs a load.
    #[inline]
    pub fn is_ours(self) -> bool {
        self.0 == GENERATION.load(Relaxed)
    }

    pub(crate) fn number(self) -> u32 {
        self.0
    }
}

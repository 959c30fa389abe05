//! Whether this process is a fork of the one that made something.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::identity;
use crate::primitive::AtomicU32;
use crate::sys;

/// Grows with each fork between the first process of the program and this one.
static GENERATION: AtomicU32 = AtomicU32::new(0);

extern "C" fn in_child() {
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
    pub fn now() -> Self {
        // No `Once`: a fork in the middle of one would leave its child waiting for a thread that is not there. Of two threads
        // that come first at once both hook it: then each fork counts twice, which tells it apart as well.
        static HOOKED: AtomicU32 = AtomicU32::new(0);
        if HOOKED.load(Acquire) == 0 {
            sys::fork::on_fork(in_child);
            HOOKED.store(1, Release);
        }
        Self(GENERATION.load(Relaxed))
    }

    /// Whether this process is the one that was marked. Costs a load.
    pub fn is_ours(self) -> bool {
        self.0 == GENERATION.load(Relaxed)
    }

    pub(crate) fn number(self) -> u32 {
        self.0
    }
}

//! Whether this process is a fork of the one that made something. `unsafe`: libc's hook for forks.
#![allow(unsafe_code)]

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Forks between the first process of the program and this one.
static GENERATION: AtomicU32 = AtomicU32::new(0);

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Relaxed);
}

/// Marks what belongs to the process that made it and not to its forks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Generation(u32);

impl Generation {
    /// The generation of this process.
    pub(crate) fn now() -> Self {
        static HOOKED: Once = Once::new();
        HOOKED.call_once(|| {
            // SAFETY: the hook only adds to an atomic, which is allowed in a fork of a process with threads. It fails
            // for lack of memory alone; then forks are not told apart, as if nobody had asked.
            unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
        });
        Self(GENERATION.load(Relaxed))
    }

    /// Whether this process is the one that was marked. Costs a load.
    pub(crate) fn is_ours(self) -> bool {
        self.0 == GENERATION.load(Relaxed)
    }
}

//! `ShmBool`: yes or no, in a byte. `unsafe`: its promises as a value in shared memory.
#![allow(unsafe_code)]

use std::fmt;
use std::hash::{Hash, Hasher};

use multiproc_sync::shm_safe::{Layout, ShmPlain, ShmSafe};

/// A `bool` that may lie in shared memory: 0 is false, and every other byte is true.
///
/// What `bool` may not be: any byte that a process that dies, or a damaged segment, leaves there is one of the two. Two bytes that
/// both mean true are equal, and have the same hash.
///
/// It is a plain byte, to be changed behind a lock. A flag that several change without one is an [`AtomicU8`], and one to wait for an
/// [`Event`](multiproc_sync::Event).
///
/// [`AtomicU8`]: std::sync::atomic::AtomicU8
///
/// # Death
///
/// It is one byte, so that a process that dies leaves the old value or the new one.
///
/// # Cost
///
/// That of a byte; reading it is a comparison with 0.
///
/// ```
/// use multiproc_shm::{Shared, ShmBool, ShmSafe};
/// use multiproc_sync::Mutex;
///
/// #[derive(ShmSafe)]
/// #[repr(C)]
/// struct Job {
///     number: u64,
///     done: ShmBool,
/// }
///
/// let job = Shared::new(Mutex::new(Job { number: 7, done: ShmBool::new(false) }))?;
/// job.lock().unwrap().done.set(true);
/// assert!(job.lock().unwrap().done.get());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "ctypes.c_bool")]
#[derive(Clone, Copy, Default)]
#[repr(transparent)]
pub struct ShmBool(u8);

impl ShmBool {
    /// One that says `value`.
    #[inline]
    pub const fn new(value: bool) -> Self {
        Self(value as u8)
    }

    /// What it says: whether its byte is another than 0.
    #[inline]
    pub const fn get(self) -> bool {
        self.0 != 0
    }

    /// Has it say `value`.
    #[inline]
    pub const fn set(&mut self, value: bool) {
        *self = Self::new(value);
    }
}

impl From<bool> for ShmBool {
    fn from(value: bool) -> Self {
        Self::new(value)
    }
}

impl From<ShmBool> for bool {
    fn from(value: ShmBool) -> Self {
        value.get()
    }
}

impl PartialEq for ShmBool {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for ShmBool {}

impl PartialEq<bool> for ShmBool {
    fn eq(&self, other: &bool) -> bool {
        self.get() == *other
    }
}

impl Hash for ShmBool {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}

impl fmt::Debug for ShmBool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

// SAFETY: `repr(transparent)` over a byte, each of which is a value.
unsafe impl ShmSafe for ShmBool {
    const LAYOUT: Layout = Layout::named("multiproc_shm::ShmBool/1");
}
// SAFETY: holds no lock.
unsafe impl ShmPlain for ShmBool {}

//! A semaphore that knows how many permits it has. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

use std::fmt;
#[cfg(not(multiproc_loom))]
use std::time::Duration;

#[cfg(not(multiproc_loom))]
use super::MAX_PERMITS;
use super::permit::Taken;
use super::permits::Permits;
use super::{Permit, ReleaseError};
use crate::WaitError;
use crate::mutex::patience::Patience;
use crate::primitive::Deadline;
use crate::shm_safe::{Layout, ShmPlain, ShmSafe};

/// A [`Semaphore`](crate::Semaphore) to which no more permits can be released than it had at first: for what there is a fixed
/// number of, where a release too many is a mistake.
///
/// ```
/// use multiproc_sync::BoundedSemaphore;
///
/// let connections = BoundedSemaphore::new(2);
/// connections.acquire()?;
/// connections.release(1)?;
/// let error = connections.release(1).unwrap_err();
/// assert_eq!((error.released, error.free, error.bound), (1, 2, 2));
/// assert_eq!(connections.available(), 2); // it is as it was
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # The words
///
/// ```text
///  0  word    u32    SLEEPERS (bit 31) | permits that are free
///  4  pace    u32    whether spinning helps: a hint
///  8  bound   u32    permits in all, never written again
/// ```
///
/// All bytes 0, as of `Shared::zeroed`, it has no permits and a bound of 0: nobody ever gets one.
///
/// # Ordering, fairness, what happens to it, cost
///
/// All as for [`Semaphore`](crate::Semaphore), but for the release too many: that is a [`ReleaseError`], of which nobody else
/// notices anything. Who releases what another has acquired is not found out by it: permits have no owners. A permit that died
/// with its process leaves room, so that anybody may release it instead.
///
/// # Sources
///
/// As for [`Semaphore`](crate::Semaphore).
#[doc(alias = "threading.BoundedSemaphore")]
#[doc(alias = "multiprocessing.BoundedSemaphore")]
#[repr(C)]
pub struct BoundedSemaphore {
    permits: Permits<0>,
    bound: u32,
}

impl BoundedSemaphore {
    /// A semaphore with so many permits, all of them free.
    ///
    /// # Panics
    ///
    /// If these are more than [`MAX_PERMITS`].
    #[cfg(not(multiproc_loom))]
    pub const fn new(permits: u32) -> Self {
        assert!(permits <= MAX_PERMITS, "a semaphore has 2^31 - 1 permits at the most");
        Self { permits: Permits::new(permits), bound: permits }
    }

    /// A semaphore with so many permits, all of them free.
    #[cfg(multiproc_loom)]
    pub fn new(permits: u32) -> Self {
        Self { permits: Permits::new(permits), bound: permits }
    }

    /// Waits for a permit and takes it.
    ///
    /// # Errors
    ///
    /// [`WaitError::Interrupted`], if a signal or an alarm ended the wait.
    #[inline]
    pub fn acquire(&self) -> Result<(), WaitError> {
        self.permits.acquire(Patience::Endless)
    }

    /// Takes a permit if one is free.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if none is.
    #[inline]
    pub fn try_acquire(&self) -> Result<(), WaitError> {
        self.permits.acquire(Patience::None)
    }

    /// Waits for a permit for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire); [`WaitError::TimedOut`] if there was none for it.
    #[cfg(not(multiproc_loom))]
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<(), WaitError> {
        self.permits.acquire_timeout(timeout)
    }

    /// Waits for a permit until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire); [`WaitError::TimedOut`] if there was none for it.
    pub fn acquire_deadline(&self, deadline: Deadline) -> Result<(), WaitError> {
        self.permits.acquire(Patience::Until(&deadline))
    }

    /// Puts `count` permits back and wakes as many who wait. All or none; with 0 nothing.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`], if more would be free then than [`bound`](Self::bound).
    #[inline]
    pub fn release(&self, count: u32) -> Result<(), ReleaseError> {
        self.permits.release_within(count, self.bound)
    }

    /// How many permits are free now; it may be otherwise when the caller learns of it.
    #[doc(alias = "get_value")]
    pub fn available(&self) -> u32 {
        self.permits.free()
    }

    /// The most permits that can be free: as many as there were at first.
    pub fn bound(&self) -> u32 {
        self.bound
    }

    /// Waits for a permit, which is released when the guard is dropped.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    #[inline]
    pub fn permit(&self) -> Result<Permit<'_>, WaitError> {
        Taken::acquire(&self.permits, self.bound, Patience::Endless).map(Permit::of)
    }

    /// As [`try_acquire`](Self::try_acquire), with a guard.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    #[inline]
    pub fn try_permit(&self) -> Result<Permit<'_>, WaitError> {
        Taken::acquire(&self.permits, self.bound, Patience::None).map(Permit::of)
    }

    /// As [`acquire_timeout`](Self::acquire_timeout), with a guard.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    #[cfg(not(multiproc_loom))]
    pub fn permit_timeout(&self, timeout: Duration) -> Result<Permit<'_>, WaitError> {
        Taken::acquire_timeout(&self.permits, self.bound, timeout).map(Permit::of)
    }

    /// As [`acquire_deadline`](Self::acquire_deadline), with a guard.
    ///
    /// # Errors
    ///
    /// As [`acquire_deadline`](Self::acquire_deadline).
    pub fn permit_deadline(&self, deadline: Deadline) -> Result<Permit<'_>, WaitError> {
        Taken::acquire(&self.permits, self.bound, Patience::Until(&deadline)).map(Permit::of)
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("BoundedSemaphore");
        shown.field("available", &self.available()).field("bound", &self.bound).finish_non_exhaustive()
    }
}

// SAFETY: `repr(C)`, three words; every bit pattern is a count, a bit, a hint and a bound, and a wrong bit costs a system call
// or a heartbeat.
unsafe impl ShmSafe for BoundedSemaphore {
    const LAYOUT: Layout = Layout::named("multiproc_sync::BoundedSemaphore/1");
}
// SAFETY: no owner, no address in a list.
unsafe impl ShmPlain for BoundedSemaphore {}

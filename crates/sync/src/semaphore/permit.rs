//! A permit as a guard, and what is common to it and to the guard of the unowned lock.

use std::fmt;
use std::marker::PhantomData;
#[cfg(not(multiproc_loom))]
use std::time::Duration;

#[cfg(not(multiproc_loom))]
use crate::Generation;
use crate::WaitError;
use crate::mutex::patience::Patience;
use crate::semaphore::permits::Permits;

/// A permit of a [`Semaphore`](crate::Semaphore) or [`BoundedSemaphore`](crate::BoundedSemaphore), which is released when this is
/// dropped.
///
/// It stays with its thread; a permit that another thread is to release is acquired and released without a guard. Forgotten
/// ([`std::mem::forget`]) it is a permit that was acquired, and that somebody has to release. In a fork of its process it is
/// nothing: to drop it there releases nothing. If others have released so often that there is no room for it, neither does it.
///
/// ```compile_fail,E0277
/// let semaphore = multiproc_sync::Semaphore::new(1);
/// let permit = semaphore.permit().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(permit));
/// });
/// ```
#[must_use = "the permit is released again at once if it is not kept"]
pub struct Permit<'a>(#[allow(dead_code)] Taken<'a, 0>); // to be dropped

impl<'a> Permit<'a> {
    #[inline(always)]
    pub(super) fn of(taken: Taken<'a, 0>) -> Self {
        Self(taken)
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// One of these permits, released when this is dropped.
pub(crate) struct Taken<'a, const ZEROED: u32> {
    permits: &'a Permits<ZEROED>,
    bound: u32,
    #[cfg(not(multiproc_loom))]
    made_by: Generation,
    /// As a mutex's guard.
    not_send: PhantomData<*mut ()>,
}

impl<'a, const ZEROED: u32> Taken<'a, ZEROED> {
    /// Acquires one.
    #[inline(always)]
    pub(crate) fn acquire(
        permits: &'a Permits<ZEROED>,
        bound: u32,
        patience: Patience<'_>,
    ) -> Result<Self, WaitError> {
        permits.acquire(patience)?;
        Ok(Self::new(permits, bound))
    }

    /// Acquires one within `timeout`.
    #[cfg(not(multiproc_loom))]
    pub(crate) fn acquire_timeout(
        permits: &'a Permits<ZEROED>,
        bound: u32,
        timeout: Duration,
    ) -> Result<Self, WaitError> {
        permits.acquire_timeout(timeout)?;
        Ok(Self::new(permits, bound))
    }

    #[inline(always)]
    fn new(permits: &'a Permits<ZEROED>, bound: u32) -> Self {
        Self {
            permits,
            bound,
            #[cfg(not(multiproc_loom))]
            made_by: Generation::now(),
            not_send: PhantomData,
        }
    }

    #[cfg(not(multiproc_loom))]
    fn is_ours(&self) -> bool {
        self.made_by.is_ours()
    }

    /// A model has no forks.
    #[cfg(multiproc_loom)]
    fn is_ours(&self) -> bool {
        true
    }
}

impl<const ZEROED: u32> Drop for Taken<'_, ZEROED> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.is_ours() {
            // Without room others have released it: whose mistake that was, this one cannot tell.
            let _ = self.permits.release(1, self.bound);
        }
    }
}

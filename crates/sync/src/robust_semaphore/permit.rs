//! A permit that belongs to a process, as a guard.

use std::fmt;
use std::marker::PhantomData;

#[cfg(not(multiproc_loom))]
use crate::Generation;
use crate::claims::Claim;

use super::Holder;
use super::waiters::Waiters;

/// A permit of a [`RobustSemaphore`](super::RobustSemaphore), which is released when this is dropped, or when its process ends.
///
/// It stays with its thread. Forgotten ([`std::mem::forget`]), or leaked by a thread that ends, it is taken until its process ends.
/// In a fork of its process it is nothing: to drop it there releases nothing.
///
/// ```compile_fail,E0277
/// let semaphore = multiproc_sync::RobustSemaphore::<1>::new();
/// let permit = semaphore.acquire().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(permit));
/// });
/// ```
#[must_use = "the permit is released again at once if it is not kept"]
pub struct RobustPermit<'a> {
    waiters: &'a Waiters,
    claim: &'a Claim,
    owner: u64,
    recovered_from: Option<Holder>,
    #[cfg(not(multiproc_loom))]
    made_by: Generation,
    /// As a mutex's guard.
    not_send: PhantomData<*mut ()>,
}

impl<'a> RobustPermit<'a> {
    #[inline(always)]
    pub(super) fn new(
        waiters: &'a Waiters,
        claim: &'a Claim,
        owner: u64,
        recovered_from: Option<Holder>,
    ) -> Self {
        Self {
            waiters,
            claim,
            owner,
            recovered_from,
            #[cfg(not(multiproc_loom))]
            made_by: Generation::now(),
            not_send: PhantomData,
        }
    }

    /// Who had this permit and has died with it. What that one was doing may be half done; `None`: the permit was free.
    ///
    /// It is told to one, once: to whoever got the permit next. If that one dies in turn, the next is told of it.
    pub fn recovered_from(&self) -> Option<Holder> {
        self.recovered_from
    }

    #[cfg(not(multiproc_loom))]
    #[inline(always)]
    fn is_ours(&self) -> bool {
        self.made_by.is_ours()
    }

    /// A model has no forks.
    #[cfg(multiproc_loom)]
    fn is_ours(&self) -> bool {
        true
    }
}

impl Drop for RobustPermit<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.is_ours() && !self.claim.end(self.owner) {
            self.waiters.end_and_wake(self.claim, self.owner);
        }
    }
}

impl fmt::Debug for RobustPermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RobustPermit");
        shown.field("recovered_from", &self.recovered_from).finish_non_exhaustive()
    }
}

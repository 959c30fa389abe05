//! A semaphore whose permits come back when their holders die. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

mod error;
mod holder;
pub(crate) mod looks;
mod permit;
pub(crate) mod waiters;

use std::fmt;

pub use self::error::{AcquireError, PermitsError};
pub use self::holder::Holder;
pub use self::permit::RobustPermit;
use self::waiters::Waiters;
use crate::claims::{ANONYMOUS, Claim};
use crate::identity;
use crate::mutex::patience::Patience;
use crate::primitive::Deadline;
use crate::shm_safe::{Layout, PlaceError, Placement, ShmSafe};

/// The most permits that a [`RobustSemaphore`] can have: who waits looks at each.
pub const MAX_ROBUST_PERMITS: usize = 256;

/// So many at a time, of processes that may die: a semaphore that knows who has its permits, and gets them back.
///
/// ```
/// use multiproc_sync::{AcquireError, RobustSemaphore};
///
/// static DEVICES: RobustSemaphore<2> = RobustSemaphore::new();
///
/// let (one, other) = (DEVICES.permit()?, DEVICES.permit()?);
/// assert_eq!(DEVICES.try_permit().unwrap_err(), AcquireError::TimedOut);
/// assert_eq!(DEVICES.holders().map(|holder| holder.pid()).collect::<Vec<_>>(), [Some(std::process::id()); 2]);
/// drop(one);
/// assert_eq!(DEVICES.available(), 1);
/// # drop(other);
/// # Ok::<(), AcquireError>(())
/// ```
///
/// Between processes it lies in a segment: `Shared<RobustSemaphore<N>>` of the crate `multiproc-shm`. Who is killed there with a
/// permit, at whatever instruction, gives it back by that. The next one is told whose it was, and may look after what was left half
/// done:
///
/// ```
/// # use multiproc_sync::{AcquireError, RobustSemaphore};
/// # fn reset_device() {}
/// # let devices = RobustSemaphore::<1>::new();
/// let permit = devices.permit()?;
/// if let Some(dead) = permit.recovered_from() {
///     eprintln!("{dead} died with the device");
///     reset_device();
/// }
/// # assert_eq!(permit.recovered_from(), None);
/// # Ok::<(), AcquireError>(())
/// ```
///
/// For what anybody may release, or more than [`MAX_ROBUST_PERMITS`], there is the [`Semaphore`](crate::Semaphore).
///
/// # How it is made
///
/// ```text
///  ┌──────┬──────┬──────┬──────────┬─────────┬─────────┬───
///  │ bell │ mode │ pace │ withheld │ permit 0│ permit 1│ …       16 bytes, and 8 for each permit
///  └──────┴──────┴──────┴──────────┴─────────┴─────────┴───
///
///    63     62                                         0
///  ┌──────┬─────────────────────────────────────────────┐
///  │ MARK │ who has the permit; 0: free                 │
///  └──────┴─────────────────────────────────────────────┘
/// ```
///
/// The name of a thread in its family goes into a permit by one exchange and out of it by one: there is no instruction at which a
/// permit is taken and nobody knows by whom. Who waits marks all permits, and sleeps at the bell; who releases a marked one rings.
///
/// # Ordering and fairness
///
/// The release of a permit happens before it is acquired again, and so does everything that a dead holder did. It is not fair: who
/// comes when a permit is free takes it, though others sleep.
///
/// # What happens to it
///
/// | event | private | in shared memory |
/// |---|---|---|
/// | the process of a holder dies | with everybody who could see it | its permits are free once the *whole* process has ended: found by [`try_permit`](Self::try_permit) at once, by who begins to wait within milliseconds, by who waits already within a second |
/// | who takes over from the dead dies in turn | | the same again: the next is told of that one |
/// | a process is killed while it releases | | the permit is free, or goes the way of the dead one's; a sleeper that was not woken finds it within a second |
/// | a waiter is killed, or one just woken | | the others find what is free within a second |
/// | a thread ends, its permit leaked | taken for ever | taken until its process ends |
/// | `mem::forget(permit)` | taken for ever | taken until its process ends |
/// | a panic, with a permit | released | released |
/// | `fork` with a permit | in the child's copy it is taken for ever | it is the parent's; the child's guard does nothing |
/// | `exec` with a permit | gone with the memory | taken until the process ends |
/// | acquired twice by a thread | two permits, or a wait | the same |
/// | moved, dropped while held | cannot be: a permit borrows it | cannot be: it is reached by reference only |
/// | all bytes 0, as of `Shared::zeroed` | all of its permits are free | the same |
///
/// # Cost
///
/// An atomic exchange to acquire and one to release, and no system call unless somebody may sleep. A waiter spins for a moment (see
/// [`Pace`](crate::Pace)), then sleeps, and asks after those who have the permits when it has slept for milliseconds, and with every
/// heartbeat of a second. So does [`try_permit`](Self::try_permit) before it refuses. To ask after a process takes about 20 µs, for six
/// system calls and as many small allocations, with no lock held. It is done once for each run of permits of one process, not for
/// those of the caller's own: for each permit at the worst, if those of several processes alternate. A thread's first permit, or robust
/// lock, gives it a name in its family: two or three system calls, once. To take a free permit and to release one allocates nothing.
///
/// At most [`MAX_ROBUST_PERMITS`] permits, which does not compile otherwise:
///
/// ```compile_fail,E0080
/// multiproc_sync::RobustSemaphore::<257>::new();
/// ```
///
/// Not to be used in a signal handler.
///
/// # Sources
///
/// That a claim is a compare-and-exchange of the claimant's own name is well known from recoverable queues; that it passes on by the
/// end of the claimant's process, and the mark in the claim, are this project's.
#[doc(alias = "threading.BoundedSemaphore")]
#[doc(alias = "multiprocessing.BoundedSemaphore")]
#[repr(C)]
pub struct RobustSemaphore<const PERMITS: usize> {
    waiters: Waiters,
    /// How many permits nobody gets.
    withheld: u32,
    permits: [Claim; PERMITS],
}

#[cfg(not(multiproc_loom))]
const _: () = assert!(
    std::mem::offset_of!(RobustSemaphore<1>, permits) == crate::registry::inspect::layout::lock::PERMITS_AT
        && std::mem::offset_of!(RobustSemaphore<1>, waiters) == 0
);

impl<const PERMITS: usize> RobustSemaphore<PERMITS> {
    const FITS: () = assert!(PERMITS >= 1 && PERMITS <= MAX_ROBUST_PERMITS, "1 to 256 permits");

    /// A semaphore for the threads of this process, with as many permits as there is room for.
    #[cfg(not(multiproc_loom))]
    pub const fn new() -> Self {
        const { Self::FITS };
        Self { waiters: Waiters::new(), withheld: 0, permits: [const { Claim::new() }; PERMITS] }
    }

    /// A semaphore for the threads of this process, with as many permits as there is room for.
    #[cfg(multiproc_loom)]
    pub fn new() -> Self {
        const { Self::FITS };
        Self { waiters: Waiters::new(), withheld: 0, permits: std::array::from_fn(|_| Claim::new()) }
    }

    /// As [`new`](Self::new), with so many permits only.
    ///
    /// ```
    /// let semaphore = multiproc_sync::RobustSemaphore::<8>::with_permits(2)?;
    /// assert_eq!(semaphore.available(), 2);
    /// assert!(multiproc_sync::RobustSemaphore::<8>::with_permits(9).is_err());
    /// # Ok::<(), multiproc_sync::PermitsError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PermitsError`] for none, or for more than there is room for.
    #[cfg(not(multiproc_loom))]
    pub const fn with_permits(permits: usize) -> Result<Self, PermitsError> {
        if permits == 0 || permits > PERMITS {
            return Err(PermitsError { permits, limit: PERMITS });
        }
        let mut semaphore = Self::new();
        semaphore.withheld = (PERMITS - permits) as u32;
        Ok(semaphore)
    }

    /// Waits for a permit, which is released when the guard is dropped.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Interrupted`], if a signal or an alarm ended the wait; [`AcquireError::Identity`], if the calling thread can have no name in
    /// its family.
    #[inline]
    pub fn permit(&self) -> Result<RobustPermit<'_>, AcquireError> {
        self.acquire_for(Patience::Endless)
    }

    /// Takes a permit if one is free, or if a process has died with one.
    ///
    /// # Errors
    ///
    /// [`AcquireError::TimedOut`] if none is; [`AcquireError::Identity`].
    #[inline]
    pub fn try_permit(&self) -> Result<RobustPermit<'_>, AcquireError> {
        self.acquire_for(Patience::None)
    }

    /// Waits for a permit for at most `timeout`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use multiproc_sync::{AcquireError, RobustSemaphore};
    /// let semaphore = RobustSemaphore::<1>::new();
    /// let _permit = semaphore.permit_timeout(Duration::from_millis(5))?;
    /// assert_eq!(semaphore.permit_timeout(Duration::from_millis(5)).unwrap_err(), AcquireError::TimedOut);
    /// # Ok::<(), AcquireError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`permit`](Self::permit); [`AcquireError::TimedOut`] if there was none for it.
    #[cfg(not(multiproc_loom))]
    pub fn permit_timeout(&self, timeout: std::time::Duration) -> Result<RobustPermit<'_>, AcquireError> {
        match std::time::Instant::now().checked_add(timeout) {
            Some(deadline) => self.permit_deadline(deadline),
            None => self.permit(), // longer than a clock can say
        }
    }

    /// Waits for a permit until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`permit`](Self::permit); [`AcquireError::TimedOut`] if there was none for it.
    pub fn permit_deadline(&self, deadline: Deadline) -> Result<RobustPermit<'_>, AcquireError> {
        self.acquire_for(Patience::Until(&deadline))
    }

    /// How many permits are free now; it may be otherwise when the caller learns of it. Those of the dead are not counted before
    /// somebody has taken them over and released them.
    #[doc(alias = "get_value")]
    pub fn available(&self) -> usize {
        self.permits().len() - self.holders().count()
    }

    /// How many permits there are in all.
    #[doc(alias = "capacity")]
    pub fn bound(&self) -> usize {
        self.permits().len()
    }

    /// Who has the permits that are taken now, in no order, each as often as it has one: for whoever looks for a permit that does
    /// not come back.
    pub fn holders(&self) -> impl Iterator<Item = Holder> + '_ {
        self.permits().iter().filter_map(Claim::owner).map(Holder::of)
    }

    /// What a release does last, if the kernel found nobody. In a model of its own: all of the release would take more steps than can
    /// be tried in every order.
    #[cfg(all(test, multiproc_loom))]
    pub(crate) fn take_mark_off_late(&self) {
        self.permits().iter().for_each(Claim::unmark);
    }

    /// Those that are not withheld.
    #[inline(always)]
    fn permits(&self) -> &[Claim] {
        // In shared memory any number may stand there.
        let withheld = (self.withheld as usize).min(PERMITS);
        &self.permits[withheld..]
    }

    #[inline(always)]
    fn acquire_for(&self, patience: Patience<'_>) -> Result<RobustPermit<'_>, AcquireError> {
        let owner = if self.waiters.is_private() {
            ANONYMOUS
        } else {
            match identity::attached() {
                Some(me) => me.owner(),
                None => named()?,
            }
        };
        let permits = self.permits();
        let first = place_of(owner, permits.len());
        match permits.get(first) {
            Some(permit) if permit.take(owner) => Ok(RobustPermit::new(&self.waiters, permit, owner, None)),
            _ => self.wait(first, owner, patience),
        }
    }

    #[cold]
    fn wait(
        &self,
        first: usize,
        owner: u64,
        patience: Patience<'_>,
    ) -> Result<RobustPermit<'_>, AcquireError> {
        let (permit, dead) = self.waiters.wait(self.permits(), first, owner, patience)?;
        Ok(RobustPermit::new(&self.waiters, permit, owner, dead))
    }
}

/// Which of so many permits a thread tries first: not the same as most others.
#[inline(always)]
pub(crate) fn place_of(owner: u64, among: usize) -> usize {
    // The index of the thread's entry, spread over all numbers of 32 bits by a multiplication.
    const SPREAD: u32 = 0x9e37_79b9;
    let index = (owner as u32) >> 16;
    ((u64::from(index.wrapping_mul(SPREAD)) * among as u64) >> 32) as usize
}

/// The name of a thread that had none.
#[cold]
#[inline(never)]
fn named() -> Result<u64, AcquireError> {
    Ok(identity::me()?.owner())
}

impl<const PERMITS: usize> Default for RobustSemaphore<PERMITS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const PERMITS: usize> fmt::Debug for RobustSemaphore<PERMITS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Holders<'a, const PERMITS: usize>(&'a RobustSemaphore<PERMITS>);
        impl<const PERMITS: usize> fmt::Debug for Holders<'_, PERMITS> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.0.holders()).finish()
            }
        }
        let mut shown = f.debug_struct("RobustSemaphore");
        shown.field("available", &self.available()).field("holders", &Holders(self)).finish_non_exhaustive()
    }
}

// SAFETY: `repr(C)`, numbers alone; every bit pattern of a permit is a name, a mark or nothing, and a name that is nobody's keeps its
// permit taken; the number of those withheld is cut to what there is. It is not `ShmPlain`: moved out and replaced, it would be private
// where processes share it.
unsafe impl<const PERMITS: usize> ShmSafe for RobustSemaphore<PERMITS> {
    const LAYOUT: Layout = Layout::named("multiproc_sync::RobustSemaphore/1").with_count(PERMITS);
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, _: &Placement) -> Result<(), PlaceError> {
        // A permit that was forgotten is free: nobody has its guard any more.
        let withheld = self.withheld;
        *self = Self::new();
        (self.waiters, self.withheld) = (Waiters::placed(), withheld);
        Ok(())
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    const _: () = assert!(size_of::<RobustSemaphore<1>>() == 24 && size_of::<RobustSemaphore<256>>() == 2064);

    #[test]
    fn threads_begin_at_places_of_their_own() {
        let owner = |index: u64| 1 << 48 | (index + 1) << 16;
        assert!((0..100).all(|index| place_of(owner(index), 1) == 0 && place_of(owner(index), 0) == 0));
        let mut places: Vec<_> = (0..8).map(|index| place_of(owner(index), 8)).collect();
        places.sort_unstable();
        places.dedup();
        assert!(places.len() >= 6 && places.iter().all(|place| *place < 8), "{places:?}");
    }
}

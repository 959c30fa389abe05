//! Counting semaphores. `unsafe`: what they promise as values in shared memory.
#![allow(unsafe_code)]

mod bounded;
mod error;
pub(crate) mod permit;
pub(crate) mod permits;

use std::fmt;
#[cfg(not(multiproc_loom))]
use std::time::Duration;

pub use self::bounded::BoundedSemaphore;
pub use self::error::ReleaseError;
pub use self::permit::Permit;
use self::permit::Taken;
pub use self::permits::MAX_PERMITS;
use self::permits::Permits;
use crate::WaitError;
use crate::mutex::patience::Patience;
use crate::primitive::Deadline;
use crate::shm_safe::{Layout, ShmPlain, ShmSafe};

/// A number of permits that threads, and processes, acquire and release.
///
/// Who finds none waits until somebody releases one. Anybody may release, also who never acquired: so a semaphore can count what
/// one side makes and the other uses.
///
/// ```
/// use std::sync::Mutex;
/// use multiproc_sync::Semaphore;
///
/// let (queue, filled) = (Mutex::new(Vec::new()), Semaphore::new(0));
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         queue.lock().unwrap().extend([2, 3]);
///         filled.release(2).unwrap();
///     });
///     let sum: u32 = (0..2).map(|_| {
///         filled.acquire().unwrap();
///         queue.lock().unwrap().pop().unwrap()
///     }).sum();
///     assert_eq!(sum, 5);
/// });
/// ```
///
/// Or it lets in so many at a time, with a guard for each:
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use multiproc_sync::Semaphore;
///
/// static TWO_AT_A_TIME: Semaphore = Semaphore::new(2);
/// static INSIDE: AtomicU32 = AtomicU32::new(0);
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| {
///             let _permit = TWO_AT_A_TIME.permit().unwrap();
///             assert!(INSIDE.fetch_add(1, Relaxed) < 2);
///             INSIDE.fetch_sub(1, Relaxed);
///         });
///     }
/// });
/// assert_eq!(TWO_AT_A_TIME.available(), 2);
/// ```
///
/// Between processes it lies in shared memory: `Shared<Semaphore>` of the crate `multiproc-shm`.
///
/// # The word
///
/// ```text
///    31         30                               0
///  ┌──────────┬──────────────────────────────────┐
///  │ SLEEPERS │ permits that are free            │
///  └──────────┴──────────────────────────────────┘
/// ```
///
/// Behind it lies a word by which waiters learn whether spinning helps: 8 bytes in all, the same in private and in shared memory.
///
/// # Ordering and fairness
///
/// A release happens before the acquiring of each permit that could not have been had without it. It is not fair: who comes when a
/// permit is free takes it, though others sleep. Those are woken as permits come, one for each, and sleep again if they are too late.
///
/// # What happens to it
///
/// | event | |
/// |---|---|
/// | a thread or process ends that has acquired | its permits are lost: the semaphore does not know who has one. Who needs them back uses a [`Mutex`](crate::Mutex) |
/// | a process is killed while it releases | the permits are there, or not; a sleeper it did not come to wake finds them within a second, or at the next release |
/// | a process is killed while it waits, or was just woken | the others find what it leaves within a second, or at the next release |
/// | a panic, with a [`Permit`] | it is released |
/// | `mem::forget(permit)` | acquired, and not released |
/// | `fork` with a [`Permit`] | it is the parent's; in the child it releases nothing |
/// | `fork`, `exec` after [`acquire`](Self::acquire) | whoever knows of it may release |
/// | released too often | there are more permits from then on; [`BoundedSemaphore`] refuses that |
/// | moved, dropped | as any value; who waits borrows it |
///
/// # Cost
///
/// An atomic exchange to acquire and one to release; no system call unless somebody may sleep. A waiter spins for a moment (see
/// [`Pace`](crate::Pace)), then sleeps, for a second at most before it looks again. [`release`](Self::release) neither waits nor allocates, and may
/// be called in a signal handler. Turns that go to and fro between sides of which each has a core take a microsecond or two; where other
/// programs want the cores too, a spinning waiter gives them its turn, and may get it back a time slice later.
///
/// # Sources
///
/// E. W. Dijkstra, "Cooperating sequential processes" (1965); the bit that stays in the word is that of this crate's
/// [`Mutex`](crate::Mutex).
#[doc(alias = "threading.Semaphore")]
#[doc(alias = "multiprocessing.Semaphore")]
#[doc(alias = "sem_t")]
#[repr(transparent)]
pub struct Semaphore {
    permits: Permits<0>,
}

impl Semaphore {
    /// A semaphore with so many free permits.
    ///
    /// # Panics
    ///
    /// If these are more than [`MAX_PERMITS`].
    #[cfg(not(multiproc_loom))]
    pub const fn new(permits: u32) -> Self {
        assert!(permits <= MAX_PERMITS, "a semaphore has 2^31 - 1 permits at the most");
        Self { permits: Permits::new(permits) }
    }

    /// A semaphore with so many free permits.
    #[cfg(multiproc_loom)]
    pub fn new(permits: u32) -> Self {
        Self { permits: Permits::new(permits) }
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
    /// ```
    /// use std::time::Duration;
    /// use multiproc_sync::{Semaphore, WaitError};
    /// let semaphore = Semaphore::new(1);
    /// assert_eq!(semaphore.acquire_timeout(Duration::from_millis(5)), Ok(()));
    /// assert_eq!(semaphore.acquire_timeout(Duration::from_millis(5)), Err(WaitError::TimedOut));
    /// ```
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

    /// Puts `count` permits back, or in for the first time, and wakes as many who wait. All or none; with 0 nothing.
    ///
    /// # Errors
    ///
    /// [`ReleaseError`], if there were more than [`MAX_PERMITS`] then.
    #[inline]
    pub fn release(&self, count: u32) -> Result<(), ReleaseError> {
        self.permits.release_within(count, MAX_PERMITS)
    }

    /// How many permits are free now; it may be otherwise when the caller learns of it.
    #[doc(alias = "get_value")]
    #[doc(alias = "sem_getvalue")]
    pub fn available(&self) -> u32 {
        self.permits.free()
    }

    /// Waits for a permit, which is released when the guard is dropped.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    #[inline]
    pub fn permit(&self) -> Result<Permit<'_>, WaitError> {
        Taken::acquire(&self.permits, MAX_PERMITS, Patience::Endless).map(Permit::of)
    }

    /// As [`try_acquire`](Self::try_acquire), with a guard.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    #[inline]
    pub fn try_permit(&self) -> Result<Permit<'_>, WaitError> {
        Taken::acquire(&self.permits, MAX_PERMITS, Patience::None).map(Permit::of)
    }

    /// As [`acquire_timeout`](Self::acquire_timeout), with a guard.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    #[cfg(not(multiproc_loom))]
    pub fn permit_timeout(&self, timeout: Duration) -> Result<Permit<'_>, WaitError> {
        Taken::acquire_timeout(&self.permits, MAX_PERMITS, timeout).map(Permit::of)
    }

    /// As [`acquire_deadline`](Self::acquire_deadline), with a guard.
    ///
    /// # Errors
    ///
    /// As [`acquire_deadline`](Self::acquire_deadline).
    pub fn permit_deadline(&self, deadline: Deadline) -> Result<Permit<'_>, WaitError> {
        Taken::acquire(&self.permits, MAX_PERMITS, Patience::Until(&deadline)).map(Permit::of)
    }

    /// See [`Permits::take_back_late`].
    #[cfg(all(test, multiproc_loom))]
    pub(crate) fn take_back_late(&self) {
        self.permits.take_back_late();
    }

    /// See [`Permits::put_in_silence`].
    #[cfg(all(test, multiproc_loom))]
    pub(crate) fn put_in_silence(&self) {
        self.permits.put_in_silence();
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("available", &self.available()).finish_non_exhaustive()
    }
}

// SAFETY: `repr(transparent)` over two words; every bit pattern is a count, a bit and a hint, and a wrong bit costs a system
// call or a heartbeat.
unsafe impl ShmSafe for Semaphore {
    const LAYOUT: Layout = Layout::named("multiproc_sync::Semaphore/1");
}
// SAFETY: no owner, no address in a list.
unsafe impl ShmPlain for Semaphore {}

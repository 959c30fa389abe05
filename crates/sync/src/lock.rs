//! A lock that nobody owns. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

use std::fmt;
#[cfg(not(multiproc_loom))]
use std::time::Duration;

use crate::WaitError;
use crate::mutex::patience::Patience;
use crate::primitive::Deadline;
use crate::semaphore::permit::Taken;
use crate::semaphore::permits::Permits;
use crate::shm_safe::{Layout, ShmPlain, ShmSafe};

/// There is one hold of a lock, and it is free if all bytes are 0.
const ONE: u32 = 1;

/// The lock was free when it was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the lock is free: release it once for each time that it was acquired")]
pub struct NotAcquired;

/// A lock without data and without an owner, as Python's: any thread, of any process, may release what another has acquired.
///
/// For work that begins in one thread and ends in another, and for programs that are brought over. Everywhere else a
/// [`Mutex`](crate::Mutex) is the better one: it holds its data, knows who has it, and passes on when its owner dies. **This lock is not
/// robust**: who dies with it leaves it locked, until somebody releases it.
///
/// ```
/// use multiproc_sync::Lock;
///
/// let printing = Lock::new();
/// printing.acquire()?;
/// std::thread::scope(|scope| {
///     // Who acquired it need not be who releases it.
///     scope.spawn(|| printing.release().unwrap());
/// });
/// assert!(!printing.is_locked());
/// # Ok::<(), multiproc_sync::WaitError>(())
/// ```
///
/// # The word
///
/// ```text
///    31         30        1   0
///  ┌──────────┬─────────────┬──────┐
///  │ SLEEPERS │      0      │ HELD │      0: free, as in memory that nobody has written to
///  └──────────┴─────────────┴──────┘
/// ```
///
/// Behind it lies a word by which waiters learn whether spinning helps: 8 bytes in all, the same in private and in shared memory.
///
/// # Ordering and fairness
///
/// Releasing happens before the next acquiring. It is not fair: who comes when it is free takes it, though others sleep.
///
/// # What happens to it
///
/// | event | |
/// |---|---|
/// | acquired twice by a thread | waits until another one releases |
/// | released while free | [`NotAcquired`]; nobody else notices anything |
/// | a thread or process ends that has acquired it | locked, until anybody releases it |
/// | a process is killed while it acquires or releases | it is locked, or free; a sleeper that was not woken finds it free within a second, or at the next release |
/// | a panic, with the guard of [`hold`](Self::hold) | released; there is no data, so no poison |
/// | `mem::forget` of that guard | locked, until anybody releases it |
/// | `fork` with that guard | it is the parent's; in the child it releases nothing |
/// | moved, dropped while locked | as any value; who waits borrows it |
///
/// # Cost
///
/// An atomic exchange to acquire and one to release; no system call unless somebody may sleep. A waiter spins for a moment (see
/// [`Pace`](crate::Pace)), then sleeps, for a second at most before it looks again. [`release`](Self::release) may be called in a signal handler.
///
/// # Sources
///
/// As for [`Semaphore`](crate::Semaphore).
#[doc(alias = "threading.Lock")]
#[doc(alias = "multiprocessing.Lock")]
#[repr(transparent)]
pub struct Lock {
    permits: Permits<ONE>,
}

impl Lock {
    /// A lock that is free.
    #[cfg(not(multiproc_loom))]
    pub const fn new() -> Self {
        Self { permits: Permits::new(ONE) }
    }

    /// A lock that is free.
    #[cfg(multiproc_loom)]
    pub fn new() -> Self {
        Self { permits: Permits::new(ONE) }
    }

    /// Waits until the lock is free and takes it.
    ///
    /// # Errors
    ///
    /// [`WaitError::Interrupted`], if a signal or an alarm ended the wait.
    #[inline]
    pub fn acquire(&self) -> Result<(), WaitError> {
        self.permits.acquire(Patience::Endless)
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    ///
    /// [`WaitError::TimedOut`] if it is not.
    #[inline]
    pub fn try_acquire(&self) -> Result<(), WaitError> {
        self.permits.acquire(Patience::None)
    }

    /// Waits for the lock for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire); [`WaitError::TimedOut`] if it did not get free for it.
    #[cfg(not(multiproc_loom))]
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<(), WaitError> {
        self.permits.acquire_timeout(timeout)
    }

    /// Waits for the lock until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire); [`WaitError::TimedOut`] if it did not get free for it.
    pub fn acquire_deadline(&self, deadline: Deadline) -> Result<(), WaitError> {
        self.permits.acquire(Patience::Until(&deadline))
    }

    /// Sets the lock free, whoever has acquired it, and wakes one who waits.
    ///
    /// # Errors
    ///
    /// [`NotAcquired`], if it is free.
    #[inline]
    pub fn release(&self) -> Result<(), NotAcquired> {
        self.permits.release(1, ONE).map_err(|_| NotAcquired)
    }

    /// Whether the lock is taken now; it may be otherwise when the caller learns of it.
    #[doc(alias = "locked")]
    pub fn is_locked(&self) -> bool {
        self.permits.free() == 0
    }

    /// Waits for the lock, which is released when the guard is dropped.
    ///
    /// ```
    /// let lock = multiproc_sync::Lock::new();
    /// {
    ///     let _held = lock.hold()?;
    ///     assert!(lock.is_locked());
    /// }
    /// assert!(!lock.is_locked());
    /// # Ok::<(), multiproc_sync::WaitError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    #[inline]
    pub fn hold(&self) -> Result<Held<'_>, WaitError> {
        Taken::acquire(&self.permits, ONE, Patience::Endless).map(Held)
    }

    /// As [`try_acquire`](Self::try_acquire), with a guard.
    ///
    /// # Errors
    ///
    /// As [`try_acquire`](Self::try_acquire).
    #[inline]
    pub fn try_hold(&self) -> Result<Held<'_>, WaitError> {
        Taken::acquire(&self.permits, ONE, Patience::None).map(Held)
    }

    /// As [`acquire_timeout`](Self::acquire_timeout), with a guard.
    ///
    /// # Errors
    ///
    /// As [`acquire_timeout`](Self::acquire_timeout).
    #[cfg(not(multiproc_loom))]
    pub fn hold_timeout(&self, timeout: Duration) -> Result<Held<'_>, WaitError> {
        Taken::acquire_timeout(&self.permits, ONE, timeout).map(Held)
    }

    /// As [`acquire_deadline`](Self::acquire_deadline), with a guard.
    ///
    /// # Errors
    ///
    /// As [`acquire_deadline`](Self::acquire_deadline).
    pub fn hold_deadline(&self, deadline: Deadline) -> Result<Held<'_>, WaitError> {
        Taken::acquire(&self.permits, ONE, Patience::Until(&deadline)).map(Held)
    }
}

/// The hold of a [`Lock`], which is released when this is dropped.
///
/// It stays with its thread; a lock that another thread is to release is acquired and released without a guard. Forgotten
/// ([`std::mem::forget`]) it leaves a lock that somebody has to release. In a fork of its process it is nothing: to drop it there
/// releases nothing. If another has released the lock meanwhile and nobody has acquired it, nor does it; but if somebody has, the lock
/// cannot know, and is released.
///
/// ```compile_fail,E0277
/// let lock = multiproc_sync::Lock::new();
/// let held = lock.hold().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(held));
/// });
/// ```
#[must_use = "the lock is released again at once if its guard is not kept"]
pub struct Held<'a>(#[allow(dead_code)] Taken<'a, ONE>); // to be dropped

impl fmt::Debug for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

impl Default for Lock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("locked", &self.is_locked()).finish_non_exhaustive()
    }
}

// SAFETY: `repr(transparent)` over two words; every bit pattern is a count, a bit and a hint: more than one hold can be free
// after a stranger's write, never after a death.
unsafe impl ShmSafe for Lock {
    const LAYOUT: Layout = Layout::named("multiproc_sync::Lock/1");
}
// SAFETY: no owner, no address in a list.
unsafe impl ShmPlain for Lock {}

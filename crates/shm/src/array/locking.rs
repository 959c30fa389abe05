//! How the lock of an array is taken. `unsafe`: says which elements it guards.
#![allow(unsafe_code)]

use std::time::{Duration, Instant};

use multiproc_sync::shm_safe::ShmPlain;
use multiproc_sync::{IdentityError, LockError, LockResult, RwLockReadGuard, RwLockWriteGuard};

use super::SharedArray;
use super::guards::{ArrayReadGuard, ArrayWriteGuard};
use super::header::Lock;

/// # The lock
///
/// It is an [`RwLock`](multiproc_sync::RwLock) for as many readers as there can be, and does as that does. In a fork of the process that had
/// the handle each of these is [`Forked`](IdentityError::Forked).
impl<T: ShmPlain + Send + Sync> SharedArray<T> {
    /// Waits until nobody writes.
    ///
    /// # Errors
    ///
    /// [`LockError`]; with [`Poisoned`](LockError::Poisoned) and [`OwnerDied`](LockError::OwnerDied) the lock is held all the same, and the
    /// guard inside.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> LockResult<ArrayReadGuard<'_, T>> {
        self.to_read(Lock::read)
    }

    /// Takes the lock to read, if that can be had at once.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); [`TimedOut`](LockError::TimedOut) if somebody writes or waits to do so,
    /// [`TooManyReaders`](LockError::TooManyReaders).
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> LockResult<ArrayReadGuard<'_, T>> {
        self.to_read(Lock::try_read)
    }

    /// As [`read`](Self::read), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); [`TimedOut`](LockError::TimedOut) if it could not be had within the time.
    #[track_caller]
    pub fn read_timeout(&self, timeout: Duration) -> LockResult<ArrayReadGuard<'_, T>> {
        self.to_read(|lock| lock.read_timeout(timeout))
    }

    /// As [`read`](Self::read), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); [`TimedOut`](LockError::TimedOut) if it could not be had within the time.
    #[track_caller]
    pub fn read_deadline(&self, deadline: Instant) -> LockResult<ArrayReadGuard<'_, T>> {
        self.to_read(|lock| lock.read_deadline(deadline))
    }

    /// Waits until nobody writes and nobody reads.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    #[inline]
    #[track_caller]
    pub fn write(&self) -> LockResult<ArrayWriteGuard<'_, T>> {
        self.to_write(Lock::write)
    }

    /// Takes the lock to write, if nobody has it.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); [`TimedOut`](LockError::TimedOut) if somebody has it, or is just trying to.
    #[inline]
    #[track_caller]
    pub fn try_write(&self) -> LockResult<ArrayWriteGuard<'_, T>> {
        self.to_write(Lock::try_write)
    }

    /// As [`write`](Self::write), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); [`TimedOut`](LockError::TimedOut) if it could not be had within the time.
    #[track_caller]
    pub fn write_timeout(&self, timeout: Duration) -> LockResult<ArrayWriteGuard<'_, T>> {
        self.to_write(|lock| lock.write_timeout(timeout))
    }

    /// As [`write`](Self::write), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); [`TimedOut`](LockError::TimedOut) if it could not be had within the time.
    #[track_caller]
    pub fn write_deadline(&self, deadline: Instant) -> LockResult<ArrayWriteGuard<'_, T>> {
        self.to_write(|lock| lock.write_deadline(deadline))
    }

    /// As [`write`](Self::write), and calls `reset` with the elements if a writer panicked or died with them.
    ///
    /// ```
    /// let totals = multiproc_shm::SharedArray::from_slice(&[1_u64, 2])?;
    /// # std::thread::scope(|scope| {
    /// #     let dies = || { let _held = totals.write().unwrap(); panic!("as if it had died") };
    /// #     scope.spawn(dies).join().unwrap_err();
    /// # });
    /// let held = totals.write_or_reset(|broken| broken.fill(0)).unwrap();
    /// assert_eq!(*held, [0, 0]);
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    ///
    /// If `reset` panics, the lock stays poisoned.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), but for the two that hold the lock.
    #[track_caller]
    pub fn write_or_reset(&self, reset: impl FnOnce(&mut [T])) -> LockResult<ArrayWriteGuard<'_, T>> {
        match self.write() {
            Err(LockError::Poisoned(mut guard) | LockError::OwnerDied(mut guard)) => {
                reset(&mut guard);
                ArrayWriteGuard::mark_consistent(&mut guard);
                Ok(guard)
            }
            other => other,
        }
    }

    /// Whether a thread panicked, or a process died, while it wrote, and nobody has [mended](ArrayWriteGuard::mark_consistent) the elements
    /// since.
    pub fn is_poisoned(&self) -> bool {
        self.body.header().lock.is_poisoned()
    }

    #[inline]
    #[track_caller]
    fn to_read<'a>(
        &'a self,
        take: impl FnOnce(&'a Lock) -> LockResult<RwLockReadGuard<'a, ()>>,
    ) -> LockResult<ArrayReadGuard<'a, T>> {
        // SAFETY: the lock of these elements, by the mode of the array, which does not change while `self` is there.
        let guard = |lock| unsafe { ArrayReadGuard::new(lock, self.body.elements(), self.body.shape()) };
        take(self.lock()?).map(guard).map_err(|error| error.map(guard))
    }

    #[inline]
    #[track_caller]
    fn to_write<'a>(
        &'a self,
        take: impl FnOnce(&'a Lock) -> LockResult<RwLockWriteGuard<'a, ()>>,
    ) -> LockResult<ArrayWriteGuard<'a, T>> {
        // SAFETY: as above.
        let guard = |lock| unsafe { ArrayWriteGuard::new(lock, self.body.elements(), self.body.shape()) };
        take(self.lock()?).map(guard).map_err(|error| error.map(guard))
    }

    /// A fork is not counted among those who have the array.
    #[inline]
    fn lock<G>(&self) -> Result<&Lock, LockError<G>> {
        if self.body.holding().is_ours() {
            Ok(&self.body.header().lock)
        } else {
            Err(LockError::Identity(IdentityError::Forked))
        }
    }
}

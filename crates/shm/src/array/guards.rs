//! The right to read, or to write, the elements of an array. `unsafe`: gives references to what the lock guards.
#![allow(unsafe_code)]

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use multiproc_sync::{Generation, RwLockReadGuard, RwLockWriteGuard};

use crate::error::ShmError;

/// The right to read the elements of a [`SharedArray`](crate::SharedArray), beside others that do, until this is dropped.
///
/// In a fork it is no right: to use it there panics.
#[must_use = "the lock is released again at once if its guard is not kept"]
pub struct ArrayReadGuard<'a, T> {
    elements: NonNull<[T]>,
    shape: &'a [usize],
    made_by: Generation,
    _lock: RwLockReadGuard<'a, ()>,
}

// SAFETY: gives `&T` only. Not `Send`, as the guard of the lock is not.
unsafe impl<T: Sync> Sync for ArrayReadGuard<'_, T> {}

impl<'a, T> ArrayReadGuard<'a, T> {
    /// # Safety
    ///
    /// What `lock` guards are these elements, which are mapped for `'a`; the shape has as many.
    pub(super) unsafe fn new(
        lock: RwLockReadGuard<'a, ()>,
        elements: NonNull<[T]>,
        shape: &'a [usize],
    ) -> Self {
        Self { elements, shape, made_by: Generation::now(), _lock: lock }
    }

    /// The length of each dimension.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }
}

impl<T> Deref for ArrayReadGuard<'_, T> {
    type Target = [T];

    #[inline]
    #[track_caller]
    fn deref(&self) -> &[T] {
        assert!(self.made_by.is_ours(), "{}", ShmError::Forked);
        // SAFETY: mapped; nobody writes while the lock is held to read.
        unsafe { self.elements.as_ref() }
    }
}

impl<T: fmt::Debug> fmt::Debug for ArrayReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// The right to the elements of a [`SharedArray`](crate::SharedArray), which is released when this is dropped.
///
/// In a fork it is no right: to use it there panics.
#[must_use = "the lock is released again at once if its guard is not kept"]
pub struct ArrayWriteGuard<'a, T> {
    elements: NonNull<[T]>,
    shape: &'a [usize],
    made_by: Generation,
    lock: RwLockWriteGuard<'a, ()>,
}

// SAFETY: a shared guard gives `&T` only. Not `Send`, as the guard of the lock is not.
unsafe impl<T: Sync> Sync for ArrayWriteGuard<'_, T> {}

impl<'a, T> ArrayWriteGuard<'a, T> {
    /// # Safety
    ///
    /// As [`ArrayReadGuard::new`].
    pub(super) unsafe fn new(
        lock: RwLockWriteGuard<'a, ()>,
        elements: NonNull<[T]>,
        shape: &'a [usize],
    ) -> Self {
        Self { elements, shape, made_by: Generation::now(), lock }
    }

    /// The length of each dimension.
    pub fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// Says that the elements are whole again: the next one is not told of the death, or of the panic, before.
    ///
    /// ```
    /// use multiproc_shm::{ArrayWriteGuard, SharedArray};
    /// use multiproc_sync::LockError;
    ///
    /// let pair = SharedArray::from_slice(&[100, 0])?;
    /// # std::thread::scope(|scope| {
    /// #     let half_done = || { let mut held = pair.write().unwrap(); held[0] -= 10; panic!("before the other half") };
    /// #     scope.spawn(half_done).join().unwrap_err();
    /// # });
    /// // A thread has panicked between two stores, or a process was killed there.
    /// match pair.write() {
    ///     Err(LockError::Poisoned(mut held) | LockError::OwnerDied(mut held)) => {
    ///         held[1] = 100 - held[0];
    ///         ArrayWriteGuard::mark_consistent(&mut held);
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// assert_eq!(*pair.read().unwrap(), [90, 10]);
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    pub fn mark_consistent(guard: &mut Self) {
        RwLockWriteGuard::mark_consistent(&mut guard.lock);
    }

    /// Goes on as a reader, beside others: nobody has written in between.
    ///
    /// ```
    /// use multiproc_shm::{ArrayWriteGuard, SharedArray};
    ///
    /// let squares = SharedArray::zeroed(4)?;
    /// let mut filling = squares.write().unwrap();
    /// (0..4).for_each(|n| filling[n] = n * n);
    /// let reading = ArrayWriteGuard::downgrade(filling);
    /// assert!(squares.try_read().is_ok() && squares.try_write().is_err());
    /// assert_eq!(*reading, [0, 1, 4, 9]);
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    #[track_caller]
    pub fn downgrade(guard: Self) -> ArrayReadGuard<'a, T> {
        ArrayReadGuard {
            made_by: guard.made_by,
            elements: guard.elements,
            shape: guard.shape,
            _lock: RwLockWriteGuard::downgrade(guard.lock),
        }
    }

    /// Gives the array up for good: everybody who waits for it, and everybody after, gets
    /// [`Abandoned`](multiproc_sync::LockError::Abandoned). For elements that a dead writer left beyond mending.
    ///
    /// ```
    /// use multiproc_shm::{ArrayWriteGuard, SharedArray};
    /// use multiproc_sync::LockError;
    ///
    /// let torn = SharedArray::<u64>::zeroed(2)?;
    /// ArrayWriteGuard::abandon(torn.write().unwrap());
    /// assert!(matches!(torn.read(), Err(LockError::Abandoned)));
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    pub fn abandon(guard: Self) {
        RwLockWriteGuard::abandon(guard.lock);
    }
}

impl<T> Deref for ArrayWriteGuard<'_, T> {
    type Target = [T];

    #[inline]
    #[track_caller]
    fn deref(&self) -> &[T] {
        assert!(self.made_by.is_ours(), "{}", ShmError::Forked);
        // SAFETY: mapped; the lock is held to write, by this guard alone.
        unsafe { self.elements.as_ref() }
    }
}

impl<T> DerefMut for ArrayWriteGuard<'_, T> {
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut [T] {
        assert!(self.made_by.is_ours(), "{}", ShmError::Forked);
        // SAFETY: as above.
        unsafe { self.elements.as_mut() }
    }
}

impl<T: fmt::Debug> fmt::Debug for ArrayWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

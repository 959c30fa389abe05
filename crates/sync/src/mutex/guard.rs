//! The right to a mutex's data. `unsafe`: gives references to what the lock guards.
#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use super::state::{ABANDONED, INCONSISTENT, POISONED};
use super::{Mutex, MutexGuard};
use crate::identity::Me;

// SAFETY: a shared guard gives `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// A guard of a lock that the calling thread has just taken.
    #[inline(always)]
    pub(super) fn new(mutex: &'a Mutex<T>, owner: Option<Me>) -> Self {
        Self {
            mutex,
            access: mutex.data.access(),
            owner,
            panicking: thread::panicking(),
            not_send: PhantomData,
        }
    }

    /// What it is a guard of.
    pub(crate) fn mutex(guard: &Self) -> &'a Mutex<T> {
        guard.mutex
    }

    /// The name of who has taken a robust lock.
    pub(crate) fn owner(guard: &Self) -> Option<u64> {
        guard.owner.map(Me::owner)
    }

    /// Whether a fork has brought it here, where it holds nothing.
    pub(crate) fn is_elsewhere(guard: &Self) -> bool {
        guard.owner.is_some_and(Me::is_elsewhere)
    }

    /// Says that the data are whole again: the next owner is not told of the death, or of the panic, before.
    ///
    /// ```
    /// use multiproc_sync::{LockError, Mutex, MutexGuard};
    /// let balance = Mutex::new((100, 0));
    /// std::thread::scope(|scope| {
    ///     let half_done = || {
    ///         balance.lock().unwrap().0 -= 10;
    ///         let _guard = balance.lock();
    ///         panic!("before the other half");
    ///     };
    ///     scope.spawn(half_done).join().unwrap_err();
    /// });
    /// match balance.lock() {
    ///     Err(LockError::Poisoned(mut guard)) => {
    ///         guard.1 = 100 - guard.0;
    ///         MutexGuard::mark_consistent(&mut guard);
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// assert_eq!(*balance.lock().unwrap(), (90, 10));
    /// ```
    pub fn mark_consistent(guard: &mut Self) {
        if guard.holds() {
            guard.mutex.head.state.fetch_and(!(POISONED | INCONSISTENT), Relaxed);
            guard.panicking = thread::panicking();
        }
    }

    /// Gives the lock up for good: everybody who waits for it, and everybody after, gets [`Abandoned`]. For data that a dead
    /// owner left beyond mending.
    ///
    /// [`Abandoned`]: super::LockError::Abandoned
    ///
    /// ```
    /// use multiproc_sync::{LockError, Mutex, MutexGuard};
    /// let log = Mutex::new(String::from("torn"));
    /// MutexGuard::abandon(log.lock().unwrap());
    /// assert!(matches!(log.lock(), Err(LockError::Abandoned)));
    /// ```
    pub fn abandon(guard: Self) {
        if guard.holds() {
            // Those who wait take the lock one after the other, see this, and release it.
            guard.mutex.head.state.fetch_or(ABANDONED, Relaxed);
        }
    }

    /// Whether the guard is of this process, and not of the one that this is a fork of.
    fn holds(&self) -> bool {
        !self.owner.is_some_and(Me::is_elsewhere)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the access to this mutex's data, whose lock is held.
        unsafe { self.access.get(&self.mutex.data) }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the access to this mutex's data, whose lock is held by this guard alone.
        unsafe { self.access.get_mut(&self.mutex.data) }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    /// Calls nothing with the guard's address: it stays in registers, else two trips through memory would cost a fifth of the
    /// whole.
    #[inline(always)]
    fn drop(&mut self) {
        if thread::panicking() && !self.panicking && !self.owner.is_some_and(Me::is_elsewhere) {
            self.mutex.head.state.fetch_or(POISONED, Relaxed);
        }
        self.access.end();
        self.mutex.unlock(self.owner);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

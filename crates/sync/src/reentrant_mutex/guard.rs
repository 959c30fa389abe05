//! The right to look at a reentrant mutex's data. `unsafe`: says who may share it.
#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use super::word::Hold;
use super::{ReentrantMutex, ReentrantMutexGuard};
use crate::mutex::state::{ABANDONED, INCONSISTENT, POISONED};
use crate::planted::{Bug, planted};
use crate::{LockError, LockResult};

// SAFETY: a shared guard gives `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for ReentrantMutexGuard<'_, T> {}

impl<'a, T: ?Sized> ReentrantMutexGuard<'a, T> {
    /// A guard of a lock that the calling thread has for one more than there are.
    #[inline(always)]
    pub(super) fn new(mutex: &'a ReentrantMutex<T>, hold: Hold, level: u32) -> Self {
        Self { mutex, hold, level, panicking: thread::panicking(), not_send: PhantomData }
    }

    /// The result for a guard of a lock whose state is not plain.
    #[cold]
    pub(super) fn warned(self) -> LockResult<Self> {
        match self.mutex.word.head.state.load(Relaxed) {
            state if state & ABANDONED != 0 => Err(LockError::Abandoned),
            state if state & INCONSISTENT != 0 => Err(LockError::OwnerDied(self)),
            state if state & POISONED != 0 => Err(LockError::Poisoned(self)),
            _ => Ok(self),
        }
    }

    /// How many guards of the mutex the calling thread has, this one and forgotten ones among them; 0 if this one is of nothing.
    ///
    /// ```
    /// use multiproc_sync::{ReentrantMutex, ReentrantMutexGuard};
    /// let mutex = ReentrantMutex::new(());
    /// let outer = mutex.lock().unwrap();
    /// let inner = mutex.lock().unwrap();
    /// assert_eq!(ReentrantMutexGuard::depth(&inner), 2);
    /// drop(outer); // in any order
    /// assert_eq!(ReentrantMutexGuard::depth(&inner), 1);
    /// ```
    #[doc(alias = "_recursion_count")]
    pub fn depth(guard: &Self) -> u32 {
        if guard.is_held() { guard.mutex.word.depth() } else { 0 }
    }

    /// Says that the data are whole again: the next owner is not told of the death, or of the panic, before.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use multiproc_sync::{LockError, ReentrantMutex, ReentrantMutexGuard};
    /// let balance = ReentrantMutex::new([Cell::new(100), Cell::new(0)]);
    /// std::thread::scope(|scope| {
    ///     let half_done = || {
    ///         let balance = balance.lock().unwrap();
    ///         balance[0].set(90);
    ///         panic!("before the other half");
    ///     };
    ///     scope.spawn(half_done).join().unwrap_err();
    /// });
    /// match balance.lock() {
    ///     Err(LockError::Poisoned(mut guard)) => {
    ///         guard[1].set(100 - guard[0].get());
    ///         ReentrantMutexGuard::mark_consistent(&mut guard);
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// assert_eq!(balance.lock().unwrap()[1].get(), 10);
    /// ```
    pub fn mark_consistent(guard: &mut Self) {
        if guard.is_held() {
            guard.mutex.word.head.state.fetch_and(!(POISONED | INCONSISTENT), Relaxed);
            guard.panicking = thread::panicking();
        }
    }

    /// Gives the lock up for good: everybody who waits for it, and everybody after, gets [`Abandoned`](LockError::Abandoned), also this
    /// thread. Other guards that it has stay until they are dropped, and those who wait learn of it then.
    ///
    /// ```
    /// use multiproc_sync::{LockError, ReentrantMutex, ReentrantMutexGuard};
    /// let log = ReentrantMutex::new("torn");
    /// let outer = log.lock().unwrap();
    /// ReentrantMutexGuard::abandon(log.lock().unwrap());
    /// assert!(matches!(log.lock(), Err(LockError::Abandoned)));
    /// assert_eq!(*outer, "torn");
    /// ```
    pub fn abandon(guard: Self) {
        if guard.is_held() {
            // Those who wait take the lock one after the other, see this, and release it.
            guard.mutex.word.head.state.fetch_or(ABANDONED, Relaxed);
        }
    }

    /// What it is a guard of.
    pub(super) fn mutex(&self) -> &'a ReentrantMutex<T> {
        self.mutex
    }

    /// How its thread has the lock.
    pub(super) fn hold(&self) -> Hold {
        self.hold
    }

    /// Whether its thread has the lock: not if a fork has brought the guard here, nor if a wait could not take the lock again.
    #[inline(always)]
    pub(super) fn is_held(&self) -> bool {
        self.mutex.word.is_held_by(self.hold)
    }
}

impl<T: ?Sized> Deref for ReentrantMutexGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.mutex.data
    }
}

impl<T: ?Sized> Drop for ReentrantMutexGuard<'_, T> {
    /// Calls nothing with the guard's address, so that it stays in registers; and is small enough to be compiled where it is dropped.
    #[inline(always)]
    fn drop(&mut self) {
        let Self { mutex, hold, level, panicking, .. } = *self;
        if thread::panicking() || !mutex.word.leave_at_once(hold, level) {
            mutex.leave(hold, panicking);
        }
    }
}

impl<T: ?Sized> ReentrantMutex<T> {
    /// Gives the lock back for a guard that may be the last one, or out of turn, or of nothing, or dropped by a panic.
    ///
    /// A call, and a direct one, as the release of a robust [`Mutex`](crate::Mutex).
    #[inline(never)]
    fn leave(&self, hold: Hold, was_panicking: bool) {
        if !self.word.is_held_by(hold) && !planted(Bug::LostGuardReleases) {
            return;
        }
        if thread::panicking() && !was_panicking {
            self.word.head.state.fetch_or(POISONED, Relaxed);
        }
        if self.word.leave() {
            self.word.release(hold);
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for ReentrantMutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

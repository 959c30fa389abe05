//! The right to write. `unsafe`: gives references to what the lock guards.
#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::thread;

use super::door::Door;
use super::slot::{Slot, Slots};
use super::{ABANDONED, POISONED, RwLockReadGuard};
#[cfg(not(multiproc_loom))]
use crate::Generation;
use crate::identity::Me;
use crate::planted::{Bug, planted};
use crate::primitive::{Access, UnsafeCell};
use crate::watch::{self, Site};

/// The right to the data of an [`RwLock`](super::RwLock), which is released when this is dropped.
#[must_use = "the lock is released again at once if its guard is not kept"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    door: &'a Door,
    slots: &'a [Slot],
    data: &'a UnsafeCell<T>,
    access: Access<T>,
    /// Who has taken a robust lock; `None`: the lock is private.
    owner: Option<Me>,
    /// The thread panicked before it had the guard: then its dropping says nothing of the data.
    panicking: bool,
    #[cfg(not(multiproc_loom))]
    made_by: Generation,
    /// As a mutex's guard.
    not_send: PhantomData<*mut ()>,
}

// SAFETY: a shared guard gives `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}
// As of the lock.
impl<T: ?Sized> UnwindSafe for RwLockWriteGuard<'_, T> {}
impl<T: ?Sized> RefUnwindSafe for RwLockWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// A guard of a lock that the calling thread has just taken.
    #[inline]
    pub(super) fn new(door: &'a Door, slots: &'a [Slot], data: &'a UnsafeCell<T>, owner: Option<Me>) -> Self {
        Self {
            door,
            slots,
            data,
            access: data.access(),
            owner,
            panicking: thread::panicking(),
            #[cfg(not(multiproc_loom))]
            made_by: Generation::now(),
            not_send: PhantomData,
        }
    }

    /// Goes on as a reader, beside others: nobody has written in between.
    ///
    /// What is known of the data, of a panic say, is known still. It waits for no more than those who are just being refused.
    ///
    /// ```
    /// use multiproc_sync::{RwLock, RwLockWriteGuard};
    /// let cache = RwLock::new(Vec::new());
    /// let mut filling = cache.write().unwrap();
    /// filling.push("made once");
    /// let reading = RwLockWriteGuard::downgrade(filling);
    /// assert!(cache.try_read().is_ok() && cache.try_write().is_err());
    /// assert_eq!(*reading, ["made once"]);
    /// ```
    #[cfg_attr(feature = "watch", track_caller)]
    pub fn downgrade(mut guard: Self) -> RwLockReadGuard<'a, T> {
        let (door, all, data, owner) = (guard.door, guard.slots, guard.data, guard.owner);
        if planted(Bug::DowngradedWithAGap) {
            guard.access.end();
            door.end_writing(owner);
        }
        guard.poison();
        // A thread that has the lock has a name.
        let name = door.name().unwrap_or_default();
        let slot = door.slot_of_writer(Slots { all, name }, owner);
        guard.access.end();
        if guard.holds() {
            watch::asks(&door.head);
            watch::reading(&door.head, Site::here().to_read());
        }
        let reading = RwLockReadGuard::new(door, slot, data, name);
        #[cfg(not(multiproc_loom))]
        let reading = reading.made_by(guard.made_by);
        std::mem::forget(guard);
        if !planted(Bug::DowngradedWithAGap) {
            door.end_writing(owner);
        }
        reading
    }

    /// Says that the data are whole again: the next one is not told of the death, or of the panic, before.
    ///
    /// ```
    /// use multiproc_sync::{LockError, RwLock, RwLockWriteGuard};
    /// let balance = RwLock::new((100, 0));
    /// std::thread::scope(|scope| {
    ///     let half_done = || {
    ///         balance.write().unwrap().0 -= 10;
    ///         let _guard = balance.write();
    ///         panic!("before the other half");
    ///     };
    ///     scope.spawn(half_done).join().unwrap_err();
    /// });
    /// assert!(matches!(balance.read(), Err(LockError::Poisoned(_))));
    /// match balance.write() {
    ///     Err(LockError::Poisoned(mut guard)) => {
    ///         guard.1 = 100 - guard.0;
    ///         RwLockWriteGuard::mark_consistent(&mut guard);
    ///     }
    ///     other => panic!("{other:?}"),
    /// }
    /// assert_eq!(*balance.read().unwrap(), (90, 10));
    /// ```
    pub fn mark_consistent(guard: &mut Self) {
        if guard.holds() {
            guard.door.mend_state();
            guard.panicking = thread::panicking();
        }
    }

    /// Gives the lock up for good: everybody who waits for it, and everybody after, gets [`Abandoned`]. For data that a dead
    /// writer left beyond mending.
    ///
    /// [`Abandoned`]: crate::LockError::Abandoned
    ///
    /// ```
    /// use multiproc_sync::{LockError, RwLock, RwLockWriteGuard};
    /// let log = RwLock::new(String::from("torn"));
    /// RwLockWriteGuard::abandon(log.write().unwrap());
    /// assert!(matches!(log.read(), Err(LockError::Abandoned)));
    /// ```
    pub fn abandon(guard: Self) {
        if guard.holds() {
            // Those who wait take the lock one after the other, see this, and release it.
            guard.door.add_to_state(ABANDONED);
        }
    }

    /// Says so if the thread panics, and did not when it got the guard.
    #[inline]
    fn poison(&self) {
        if thread::panicking() && !self.panicking && self.holds() {
            self.door.add_to_state(POISONED);
        }
    }

    /// Whether the guard is of this process, and not of the one that this is a fork of.
    fn holds(&self) -> bool {
        !self.owner.is_some_and(Me::is_elsewhere)
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the access to this lock's data, which is held.
        unsafe { self.access.get(self.data) }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the access to this lock's data, which is held by this guard alone.
        unsafe { self.access.get_mut(self.data) }
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.poison();
        self.access.end();
        self.door.end_writing(self.owner);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

//! The right to read. `unsafe`: gives references to what the lock guards.
#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::door::Door;
use super::slot::Slot;
#[cfg(not(multiproc_loom))]
use crate::Generation;
use crate::primitive::{ReadAccess, UnsafeCell};
use crate::watch;

/// The right to read the data of an [`RwLock`](super::RwLock), beside others that do, until this is dropped.
#[must_use = "the lock is released again at once if its guard is not kept"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    door: &'a Door,
    slot: &'a Slot,
    data: &'a UnsafeCell<T>,
    access: ReadAccess<T>,
    /// Who reads.
    name: u64,
    #[cfg(not(multiproc_loom))]
    made_by: Generation,
    /// As a mutex's guard.
    not_send: PhantomData<*mut ()>,
}

// SAFETY: gives `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}
// As of the lock.
impl<T: ?Sized> UnwindSafe for RwLockReadGuard<'_, T> {}
impl<T: ?Sized> RefUnwindSafe for RwLockReadGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// A guard for the thread with this name, which has just taken the slot, or has it once more.
    #[inline(always)]
    pub(super) fn new(door: &'a Door, slot: &'a Slot, data: &'a UnsafeCell<T>, name: u64) -> Self {
        Self {
            door,
            slot,
            data,
            access: data.read_access(),
            name,
            #[cfg(not(multiproc_loom))]
            made_by: Generation::now(),
            not_send: PhantomData,
        }
    }

    /// The same, made in place of a guard that another process may have made.
    #[cfg(not(multiproc_loom))]
    pub(super) fn made_by(mut self, made_by: Generation) -> Self {
        self.made_by = made_by;
        self
    }

    /// Whether it holds anything here: in a fork, the copy of a private lock, and nothing of one in shared memory.
    #[cfg(not(multiproc_loom))]
    #[inline(always)]
    fn holds(&self) -> bool {
        self.made_by.is_ours() || self.door.is_private()
    }

    /// A model has no forks.
    #[cfg(multiproc_loom)]
    fn holds(&self) -> bool {
        true
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the access to this lock's data, which nobody writes to before the slot is left.
        unsafe { self.access.get(self.data) }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.access.end();
        if !self.holds() {
            return;
        }
        watch::read_ended(&self.door.head);
        if !(self.slot.has_one_guard() && self.slot.claim.end(self.name)) {
            self.door.leave_slowly(self.slot, self.name);
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

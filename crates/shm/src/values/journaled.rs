//! `Journaled`: two copies of a value, and which of them counts. `unsafe`: its promises as a value in shared memory.
#![allow(unsafe_code)]

use std::convert::Infallible;
use std::fmt;

use multiproc_sync::shm_safe::{Layout, ShmPlain, ShmSafe};

use super::order;
use crate::planted::{Bug, planted};

/// A value that is never torn: a process that dies while it changes it, at whatever instruction, leaves the old value or the new one.
///
/// There are two copies. A change is made to the one that does not count, and the store of one byte, at its end, has it be the one that
/// does. So a [`Mutex`](multiproc_sync::Mutex) of a `Journaled` whose owner died can be gone on with at once, without a look at the data:
///
/// ```
/// use multiproc_shm::{Journaled, Shared};
/// use multiproc_sync::{LockError, Mutex, MutexGuard};
/// # use multiproc_testkit::fork::{fork, reap};
///
/// let accounts = Shared::new(Mutex::new(Journaled::new([100_i64, 0])))?;
///
/// // Another process moves money twice, and dies in the middle of the second time.
/// # let child = fork(|| {
/// let mut held = accounts.lock().unwrap();
/// held.update(|[ours, theirs]| {
///     *ours -= 10;
///     *theirs += 10;
/// });
/// held.update(|[ours, _]| {
///     *ours -= 10;
///     std::process::exit(1);
/// });
/// # });
/// # reap(child);
///
/// let held = match accounts.lock() {
///     Err(LockError::OwnerDied(mut held)) => {
///         MutexGuard::mark_consistent(&mut held); // it is
///         held
///     }
///     other => panic!("its owner died: {other:?}"),
/// };
/// assert_eq!(held.get(), &[90, 10]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What keeps the promise
///
/// [`update`](Self::update), [`try_update`](Self::try_update) and [`set`](Self::set) do, each by itself: between two of them a process
/// may die, and what is to change together stands in one `T`. What overwrites the whole `Journaled` (`*guard = …`, `mem::swap`) is no
/// change of that kind, and can be torn.
///
/// Of zeros it is a `T` of zeros. Any byte may say which copy counts: its last bit does.
///
/// # Panics and errors
///
/// A closure that panics, or fails in `try_update`, leaves the old value. The mutex of a guard that a panic has dropped is
/// [`Poisoned`](multiproc_sync::LockError::Poisoned) all the same, and can be gone on with in the same way.
///
/// # Cost
///
/// Twice the memory, and a byte with the padding that the alignment needs. Reading: a choice between two addresses. `update` copies the
/// value once before it changes it, `set` writes it once. `update` takes none of it over the stack.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Journaled<T> {
    /// Whose last bit is the number of the copy that counts.
    current: u8,
    copies: [T; 2],
}

impl<T: ShmPlain + Copy> Journaled<T> {
    /// With this value.
    pub const fn new(value: T) -> Self {
        Self { current: 0, copies: [value; 2] }
    }

    /// The value.
    #[inline]
    pub const fn get(&self) -> &T {
        &self.copies[self.counting()]
    }

    /// Changes the value by a closure, which gets a copy of it; gives what the closure gives. The change counts once the closure has
    /// returned, all of it at once; if it panics, none of it.
    ///
    /// ```
    /// let mut range = multiproc_shm::Journaled::new([3, 5]);
    /// let len = range.update(|[from, to]| {
    ///     *from += 1;
    ///     *to += 10;
    ///     *to - *from
    /// });
    /// assert_eq!((range.get(), len), (&[4, 15], 11));
    /// ```
    pub fn update<R>(&mut self, change: impl FnOnce(&mut T) -> R) -> R {
        let Ok(result) = self.try_update(|value| Ok::<R, Infallible>(change(value)));
        result
    }

    /// As [`update`](Self::update), by a closure that may fail: then the value is the old one.
    ///
    /// ```
    /// let mut balance = multiproc_shm::Journaled::new([100_u64, 0]);
    /// let refused = balance.try_update(|[ours, theirs]| {
    ///     *theirs += 200;
    ///     *ours = ours.checked_sub(200).ok_or("not so much")?;
    ///     Ok(())
    /// });
    /// assert_eq!((refused, balance.get()), (Err("not so much"), &[100, 0]));
    /// ```
    ///
    /// # Errors
    ///
    /// The closure's own.
    pub fn try_update<R, E>(&mut self, change: impl FnOnce(&mut T) -> Result<R, E>) -> Result<R, E> {
        let (counting, spare) = (self.counting(), self.spare());
        self.copies.copy_within(counting..=counting, spare);
        if planted(Bug::FlippedEarly) {
            self.flip_to(spare);
        }
        let result = change(&mut self.copies[spare])?;
        self.flip_to(spare);
        Ok(result)
    }

    /// Has the value be this one.
    ///
    /// ```
    /// let mut version = multiproc_shm::Journaled::new([1_u64; 4]);
    /// version.set([2; 4]);
    /// assert_eq!(version.get(), &[2; 4]);
    /// ```
    pub fn set(&mut self, value: T) {
        let spare = self.spare();
        if planted(Bug::FlippedEarly) {
            self.flip_to(spare);
        }
        self.copies[spare] = value;
        self.flip_to(spare);
    }

    /// The value, of one that nobody else has.
    pub const fn into_inner(self) -> T {
        *self.get()
    }

    const fn counting(&self) -> usize {
        (self.current & 1) as usize
    }

    const fn spare(&self) -> usize {
        1 - self.counting()
    }

    /// Has the copy of this number count. What was stored to it before is there by then; what is stored after, to the other one too, is
    /// not.
    fn flip_to(&mut self, copy: usize) {
        order::store(&mut self.current, copy as u8);
    }
}

impl<T: ShmPlain + Copy + Default> Default for Journaled<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: ShmPlain + Copy> From<T> for Journaled<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: ShmPlain + Copy + PartialEq> PartialEq for Journaled<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: ShmPlain + Copy + Eq> Eq for Journaled<T> {}

impl<T: ShmPlain + Copy + fmt::Debug> fmt::Debug for Journaled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Journaled").field(self.get()).finish()
    }
}

// SAFETY: `repr(C)`; every byte names one of the copies, any bytes of which are a value.
unsafe impl<T: ShmPlain> ShmSafe for Journaled<T> {
    const LAYOUT: Layout = Layout::named("multiproc_shm::Journaled/1").with::<T>();
}
// SAFETY: holds no lock, as `T` holds none.
unsafe impl<T: ShmPlain> ShmPlain for Journaled<T> {}

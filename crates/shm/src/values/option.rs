//! `ShmOption`: a value, or none. `unsafe`: its promises as a value in shared memory; values of zeros; a value is moved out.
#![allow(unsafe_code)]

use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem;
use std::ptr;

use multiproc_sync::shm_safe::{Layout, ShmPlain, ShmSafe};

use super::order;
use crate::planted::{Bug, planted};

/// What the tag says of no value; every other byte says that there is one.
const NONE: u8 = 0;
const SOME: u8 = 1;

/// An `Option` that may lie in shared memory: a tag, and the value behind it.
///
/// Of zeros it is none. A tag of 0 says none, and every other that there is a value: any bytes are one of the two, as any bytes are
/// some `T`.
///
/// # Death
///
/// If a process dies in [`set`](Self::set), [`replace`](Self::replace), [`take`](Self::take) or [`clear`](Self::clear), at whatever
/// instruction, the next one to get the lock finds no value, or the whole old one, or the whole new one: the tag is set last, and
/// cleared first. So what the lock guards can be gone on with if none is an answer that the program can bear; where the old value must
/// not be lost with its change, use [`Journaled`](crate::Journaled) of this.
///
/// A change through [`get_mut`](Self::get_mut) is made in place, and half of it stays. An assignment of a whole `ShmOption`
/// (`*guard = …`, `mem::swap`) stores tag and value in any order.
///
/// # Cost
///
/// A byte before the value, and the padding that its alignment needs. `set` is two byte stores more than to write the value.
///
/// ```
/// use multiproc_shm::{Shared, ShmOption};
/// use multiproc_sync::Mutex;
///
/// let last: Shared<Mutex<ShmOption<[u64; 2]>>> = Shared::zeroed()?;
/// let mut held = last.lock().unwrap();
/// assert_eq!(held.get(), None);
/// held.set([1, 2]);
/// assert_eq!(held.replace([3, 4]), Some([1, 2]));
/// assert_eq!(held.take(), Some([3, 4]));
/// assert!(held.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
#[repr(C)]
pub struct ShmOption<T> {
    tag: u8,
    /// Some `T` also when the tag says that there is none.
    value: T,
}

impl<T: ShmPlain> ShmOption<T> {
    /// No value.
    pub const fn none() -> Self {
        // SAFETY: any bytes are a `T: ShmSafe`, so zeros are; the value is written, not left uninitialised, so that every process may
        // read it, whatever the tag comes to be.
        Self { tag: NONE, value: unsafe { mem::zeroed() } }
    }

    /// This value.
    pub const fn some(value: T) -> Self {
        Self { tag: SOME, value }
    }

    /// Whether there is a value.
    #[inline]
    pub const fn is_some(&self) -> bool {
        self.tag != NONE
    }

    /// Whether there is none.
    #[inline]
    pub const fn is_none(&self) -> bool {
        !self.is_some()
    }

    /// The value, if there is one.
    #[inline]
    #[doc(alias = "as_ref")]
    pub const fn get(&self) -> Option<&T> {
        if self.is_some() { Some(&self.value) } else { None }
    }

    /// The value, if there is one, to be changed in place: a process that dies meanwhile leaves half of the change, and the tag says that
    /// there is a value. [`set`](Self::set) does not.
    #[inline]
    #[doc(alias = "as_mut")]
    pub const fn get_mut(&mut self) -> Option<&mut T> {
        if self.is_some() { Some(&mut self.value) } else { None }
    }

    /// Puts `value` there, whether there was one or not. A death leaves the old value, none, or `value`.
    ///
    /// ```
    /// use multiproc_shm::ShmOption;
    /// let mut number = ShmOption::some(1_u64);
    /// number.set(2);
    /// assert_eq!(number.get(), Some(&2));
    /// ```
    #[doc(alias = "insert")]
    pub fn set(&mut self, value: T) {
        if !planted(Bug::TagKept) {
            self.clear();
        }
        if planted(Bug::TagFirst) {
            order::store(&mut self.tag, SOME);
        }
        self.value = value;
        order::store(&mut self.tag, SOME);
    }

    /// Has no value be there. A death leaves the old value, or none.
    ///
    /// ```
    /// use multiproc_shm::ShmOption;
    /// let mut number = ShmOption::some(1_u64);
    /// number.clear();
    /// assert!(number.is_none());
    /// ```
    pub fn clear(&mut self) {
        order::store(&mut self.tag, NONE);
    }

    /// Takes the value out, and leaves none. A death leaves the old value, or none: with the latter the value went down with its taker.
    pub fn take(&mut self) -> Option<T> {
        let value = self.moved_out();
        self.clear();
        value
    }

    /// Puts `value` there, and gives the one that was. A death leaves what one in [`set`](Self::set) leaves.
    pub fn replace(&mut self, value: T) -> Option<T> {
        let before = self.moved_out();
        self.set(value);
        before
    }

    /// The value, which is overwritten, or said not to be there, before anybody else can look.
    fn moved_out(&mut self) -> Option<T> {
        // SAFETY: a reference's own value; both callers see to it that it is not found here once more, and nothing in it has a `Drop`.
        self.get().map(|value| unsafe { ptr::read(value) })
    }
}

impl<T: ShmPlain> Default for ShmOption<T> {
    /// No value.
    fn default() -> Self {
        Self::none()
    }
}

impl<T: ShmPlain> From<Option<T>> for ShmOption<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or_else(Self::none, Self::some)
    }
}

impl<T: ShmPlain> From<ShmOption<T>> for Option<T> {
    fn from(value: ShmOption<T>) -> Self {
        value.is_some().then_some(value.value)
    }
}

impl<T: ShmPlain + PartialEq> PartialEq for ShmOption<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: ShmPlain + Eq> Eq for ShmOption<T> {}

impl<T: ShmPlain + Hash> Hash for ShmOption<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}

impl<T: ShmPlain + fmt::Debug> fmt::Debug for ShmOption<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

// SAFETY: `repr(C)`; every tag and any bytes of the value are one.
unsafe impl<T: ShmPlain> ShmSafe for ShmOption<T> {
    const LAYOUT: Layout = Layout::named("multiproc_shm::ShmOption/1").with::<T>();
}
// SAFETY: holds no lock, as `T` holds none.
unsafe impl<T: ShmPlain> ShmPlain for ShmOption<T> {}

//! `ShmChar`: a character, in a number that need not be one. `unsafe`: its promises as a value in shared memory.
#![allow(unsafe_code)]

use std::fmt;

use multiproc_sync::shm_safe::{Layout, ShmPlain, ShmSafe};
use thiserror::Error;

/// A `char` that may lie in shared memory: any number may stand there, and reading it tells whether it is that of a character.
///
/// It is a plain number, to be changed behind a lock; of zeros, it is `'\0'`. Two are equal if their numbers are.
///
/// # Death
///
/// One aligned store sets it: a process that dies leaves the old character or the new one.
///
/// # Cost
///
/// That of a `u32`; reading it is two comparisons.
///
/// ```
/// use multiproc_shm::{ShmChar, UnknownChar};
///
/// let mut letter = ShmChar::new('ü');
/// assert_eq!(letter.get(), Ok('ü'));
/// letter.set('z');
/// assert_eq!(letter.get(), Ok('z'));
/// assert_eq!(ShmChar::default().get(), Ok('\0'));
/// # Ok::<(), UnknownChar>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct ShmChar(u32);

/// What stands in the place of a character is the number of none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{number:#x} is the number of no character: the memory was damaged; set one anew")]
#[non_exhaustive]
pub struct UnknownChar {
    /// What stands there.
    pub number: u32,
}

impl ShmChar {
    /// This character.
    #[inline]
    pub const fn new(value: char) -> Self {
        Self(value as u32)
    }

    /// The character that stands there.
    ///
    /// # Errors
    ///
    /// [`UnknownChar`] if a surrogate's number does, or one beyond 0x10FFFF: no safe code of this crate's users writes one.
    #[inline]
    pub const fn get(self) -> Result<char, UnknownChar> {
        match char::from_u32(self.0) {
            Some(value) => Ok(value),
            None => Err(UnknownChar { number: self.0 }),
        }
    }

    /// Puts this character there.
    #[inline]
    pub const fn set(&mut self, value: char) {
        *self = Self::new(value);
    }
}

impl From<char> for ShmChar {
    fn from(value: char) -> Self {
        Self::new(value)
    }
}

impl TryFrom<ShmChar> for char {
    type Error = UnknownChar;

    fn try_from(value: ShmChar) -> Result<Self, UnknownChar> {
        value.get()
    }
}

impl fmt::Debug for ShmChar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.get() {
            Ok(value) => value.fmt(f),
            Err(UnknownChar { number }) => write!(f, "<{number:#x}>"),
        }
    }
}

// SAFETY: `repr(transparent)` over a number, each of which is a value.
unsafe impl ShmSafe for ShmChar {
    const LAYOUT: Layout = Layout::named("multiproc_shm::ShmChar/1");
}
// SAFETY: holds no lock.
unsafe impl ShmPlain for ShmChar {}

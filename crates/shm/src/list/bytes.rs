//! `Bytes`: copies into and out of memory that others write meanwhile. `unsafe`: atomics at places of a mapping.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;

use super::ListError;
use crate::memory::SharedMemory;
use crate::raw::Access;

/// What a word takes, in bytes: all parts of a list but the codes are made of words.
pub(super) const WORD: usize = 8;

/// The bytes of a memory. Whatever a place is worth, nothing outside is touched.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'m>(pub(super) &'m SharedMemory);

impl<'m> Bytes<'m> {
    pub(super) fn len(self) -> usize {
        self.0.len()
    }

    pub(super) fn word(self, at: usize) -> Result<[u8; WORD], ListError> {
        self.load::<u64>(at).map(u64::to_ne_bytes)
    }

    /// Writes in one piece. The memory is writable: its list was asked.
    pub(super) fn set_word(self, at: usize, bytes: [u8; WORD]) -> Result<(), ListError> {
        self.store(at, u64::from_ne_bytes(bytes))
    }

    pub(super) fn byte(self, at: usize) -> Result<u8, ListError> {
        self.load(at)
    }

    /// As [`set_word`](Self::set_word).
    pub(super) fn set_byte(self, at: usize, value: u8) -> Result<(), ListError> {
        self.store(at, value)
    }

    fn load<T: Access>(self, at: usize) -> Result<T, ListError> {
        let place = self.place(at)?;
        // SAFETY: aligned and inside the mapping, which the borrow keeps; nobody has a reference to memory without a type.
        Ok(unsafe { T::load(place, Relaxed) })
    }

    fn store<T: Access>(self, at: usize, value: T) -> Result<(), ListError> {
        let place = self.place(at)?;
        // SAFETY: as above, and writable.
        unsafe { T::store(place, value, Relaxed) };
        Ok(())
    }

    /// Where a `T` may lie, `at` bytes from the beginning: aligned, and inside.
    fn place<T>(self, at: usize) -> Result<*mut T, ListError> {
        let inside = at.checked_add(size_of::<T>()).is_some_and(|end| end <= self.len());
        let place = self.0.as_ptr().wrapping_add(at).cast::<T>();
        if inside && place.is_aligned() {
            Ok(place)
        } else {
            Err(ListError::Corrupt { what: "a place outside its memory" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_place_is_outside_or_between() {
        let memory = SharedMemory::anonymous(29).unwrap();
        let bytes = Bytes(&memory);
        for at in [1, 7, 22, 24, 28, 29, 4096, usize::MAX - 7, usize::MAX] {
            assert!(matches!(bytes.word(at), Err(ListError::Corrupt { .. })), "{at}");
            assert!(matches!(bytes.set_word(at, [1; WORD]), Err(ListError::Corrupt { .. })), "{at}");
        }
        for at in [29, 32, 4096, usize::MAX] {
            assert!(bytes.byte(at).is_err() && bytes.set_byte(at, 1).is_err(), "{at}");
        }
        bytes.set_word(16, *b"in words").unwrap();
        bytes.set_byte(28, 7).unwrap();
        assert_eq!((bytes.word(16).unwrap(), bytes.byte(28).unwrap()), (*b"in words", 7));
        assert_eq!((bytes.word(0).unwrap(), bytes.byte(24).unwrap()), ([0; WORD], 0));
    }
}

//! A number for the layout of a type, the same in every build that lays it out alike.

use super::ShmSafe;

/// The fingerprint of a type's layout: names, sizes, alignments and offsets, of all that it holds. 64 bits, FNV-1a.
///
/// ```
/// use multiproc_sync::shm_safe::ShmSafe;
/// assert_ne!(u64::LAYOUT, i64::LAYOUT);
/// assert_ne!(<[u8; 4]>::LAYOUT, <[u8; 5]>::LAYOUT);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Layout(u64);

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Layout {
    /// That of a type with this name and nothing yet in it.
    pub const fn named(name: &str) -> Self {
        Self(OFFSET_BASIS).and_bytes(name.as_bytes()).and_number(name.len() as u64)
    }

    /// Adds a type: its layout, size and alignment.
    pub const fn with<T: ShmSafe>(self) -> Self {
        self.and_number(T::LAYOUT.0).and_number(size_of::<T>() as u64).and_number(align_of::<T>() as u64)
    }

    /// Adds a field: its name, its place in bytes, its type.
    pub const fn with_field<T: ShmSafe>(self, name: &str, offset: usize) -> Self {
        self.and_bytes(name.as_bytes()).and_number(offset as u64).with::<T>()
    }

    /// Adds a count, of an array's elements for one.
    pub const fn with_count(self, count: usize) -> Self {
        self.and_number(count as u64)
    }

    /// Adds a number that has a name, a variant of an enum for one.
    pub const fn with_number(self, name: &str, number: i128) -> Self {
        self.and_bytes(name.as_bytes()).and_number(name.len() as u64).and_bytes(&number.to_le_bytes())
    }

    /// As it is written into a segment.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    const fn and_number(self, number: u64) -> Self {
        self.and_bytes(&number.to_le_bytes())
    }

    const fn and_bytes(mut self, bytes: &[u8]) -> Self {
        let mut i = 0;
        while i < bytes.len() {
            self.0 = (self.0 ^ bytes[i] as u64).wrapping_mul(PRIME);
            i += 1;
        }
        self
    }
}

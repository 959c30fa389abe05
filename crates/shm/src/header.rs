//! The first bytes of a segment that holds a value: what it is, and how it is laid out. docs/shm-layout.md draws it.

use multiproc_sync::shm_safe::{Layout, ShmSafe};

use crate::error::ShmError;

/// What a header takes at least, in bytes; a value that wants more alignment begins further on.
const MIN_LEN: usize = 256;

/// The most alignment that a value can have: that of a page.
pub(crate) const MAX_ALIGN: usize = 4096;

/// What is written of it. The rest, up to the value, is 0.
pub(crate) const USED: usize = 48;

/// `mpshared`, in this order of bytes.
pub(crate) const MAGIC: [u8; 8] = *b"mpshared";

const VERSION: u32 = 1;

/// One value, in place for good.
const MODE_VALUE: u32 = 1;

/// Blocks that come and go.
const MODE_ARENA: u32 = 16;

/// Where the words of an arena begin: at a page's beginning.
const ARENA_AT: usize = MAX_ALIGN;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    value_at: usize,
    layout: u64,
    len: usize,
    align: usize,
    mode: u32,
}

impl Header {
    /// That of a segment with a `T`.
    pub(crate) const fn of<T: ShmSafe>() -> Self {
        const { assert!(align_of::<T>() <= MAX_ALIGN, "a shared value is aligned to a page at most") };
        let (len, align) = (size_of::<T>(), align_of::<T>());
        let value_at = if align > MIN_LEN { align } else { MIN_LEN };
        let layout = Layout::named("multiproc_shm::Shared/1").with::<T>().to_u64();
        Self { value_at, layout, len, align, mode: MODE_VALUE }
    }

    /// That of an arena with so many bytes for blocks.
    pub(crate) const fn of_arena(len: u64) -> Self {
        let layout = Layout::named("multiproc_shm::Arena/1").to_u64();
        Self { value_at: ARENA_AT, layout, len: len as usize, align: MAX_ALIGN, mode: MODE_ARENA }
    }

    /// How many bytes an arena has for blocks, whose segment begins with `bytes`; whether it is long enough for its words is to be looked at.
    pub(crate) fn check_arena(bytes: &[u8], segment_len: u64) -> Result<u64, ShmError> {
        let len = match bytes.get(24..32).and_then(|len| len.first_chunk()) {
            Some(len) => u64::from_le_bytes(*len),
            None => return Err(ShmError::TooShort { len: segment_len, needed: USED as u64 }),
        };
        Self::of_arena(len).check(bytes, segment_len, "Arena").map(|()| len)
    }

    /// Where the value lies, from the segment's beginning, in bytes.
    pub(crate) const fn value_at(&self) -> usize {
        self.value_at
    }

    /// Of the whole segment, in bytes; `None` if that is more than a number can say.
    pub(crate) const fn segment_len(&self) -> Option<usize> {
        self.value_at.checked_add(self.len)
    }

    pub(crate) fn to_bytes(self) -> [u8; USED] {
        let mut bytes = [0; USED];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&(self.value_at as u32).to_le_bytes());
        bytes[16..24].copy_from_slice(&self.layout.to_le_bytes());
        bytes[24..32].copy_from_slice(&(self.len as u64).to_le_bytes());
        bytes[32..36].copy_from_slice(&(self.align as u32).to_le_bytes());
        bytes[36..40].copy_from_slice(&self.mode.to_le_bytes());
        bytes
    }

    /// Whether `bytes`, the beginning of a segment of `segment_len` bytes, are this header; `type_name` is for the error.
    pub(crate) fn check(
        &self,
        bytes: &[u8],
        segment_len: u64,
        type_name: &'static str,
    ) -> Result<(), ShmError> {
        let too_short = |needed: usize| ShmError::TooShort { len: segment_len, needed: needed as u64 };
        let Some(found) = bytes.first_chunk::<USED>() else { return Err(too_short(USED)) };
        let expected = self.to_bytes();
        let number = |at: usize| u32::from_le_bytes([found[at], found[at + 1], found[at + 2], found[at + 3]]);
        let same = |range: std::ops::Range<usize>| found[range.clone()] == expected[range];
        if !same(0..8) {
            return Err(ShmError::Corrupt { what: "its magic is another" });
        }
        if number(8) != VERSION {
            return Err(ShmError::Version { found: number(8), expected: VERSION });
        }
        if !same(36..40) {
            return Err(ShmError::Corrupt { what: "it holds a thing of another kind" });
        }
        if !same(16..24) {
            let found = u64::from(number(16)) | u64::from(number(20)) << 32;
            return Err(ShmError::LayoutMismatch { type_name, found, expected: self.layout });
        }
        // The fingerprint covers the rest, so what differs now was damaged.
        if !same(12..16) {
            return Err(ShmError::Corrupt { what: "where its value begins" });
        }
        if !same(24..32) {
            return Err(ShmError::Corrupt { what: "the length of its value" });
        }
        if !same(32..36) {
            return Err(ShmError::Corrupt { what: "the alignment of its value" });
        }
        match self.segment_len() {
            Some(needed) if needed as u64 <= segment_len => Ok(()),
            needed => Err(too_short(needed.unwrap_or(usize::MAX))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Value = [u64; 5];

    #[test]
    fn every_flipped_bit_and_every_cut_is_an_error() {
        let header = Header::of::<Value>();
        let good = header.to_bytes();
        let len = header.segment_len().unwrap() as u64;
        assert!(header.check(&good, len, "").is_ok());
        for byte in 0..40 {
            for bit in 0..8 {
                let mut bad = good;
                bad[byte] ^= 1 << bit;
                assert!(header.check(&bad, len, "").is_err(), "byte {byte} bit {bit}");
            }
        }
        for cut in 0..USED {
            assert!(matches!(header.check(&good[..cut], len, ""), Err(ShmError::TooShort { .. })));
        }
        for short in 0..len {
            assert!(matches!(header.check(&good, short, ""), Err(ShmError::TooShort { .. })));
        }
    }

    #[test]
    fn another_layout_names_the_type_and_another_version_its_number() {
        let theirs = Header::of::<[u32; 10]>();
        let len = theirs.segment_len().unwrap() as u64;
        let error = Header::of::<Value>().check(&theirs.to_bytes(), len, "Value").unwrap_err();
        assert!(matches!(error, ShmError::LayoutMismatch { type_name: "Value", .. }), "{error}");
        let mut later = theirs.to_bytes();
        later[8] = 2;
        let error = theirs.check(&later, len, "").unwrap_err();
        assert!(matches!(error, ShmError::Version { found: 2, expected: 1 }), "{error}");
    }
}

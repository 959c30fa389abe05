//! The bytes in front of an array: what it is, who may use it how, and its lock. docs/shm-layout.md draws them. `unsafe`: they are
//! written by address.
#![allow(unsafe_code)]

use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use multiproc_sync::shm_safe::{Layout, Placement, ShmPlain, ShmSafe};
use multiproc_sync::{MAX_READERS, RwLock};

use super::part_word::PartWord;
use crate::error::ShmError;
use crate::header::{MAGIC, MAX_ALIGN};
use crate::planted::{Bug, planted};
use crate::raw::{MAX_DIMS, ViewError};

/// The most parts of a [split](crate::SharedArray::split) array: each has a word in front of the elements.
pub const MAX_PARTS: usize = 512;

/// How the elements of an array are reached, by everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum ArrayMode {
    /// Through guards: a [`SharedArray`](crate::SharedArray).
    Locked = 2,
    /// As atomics: an [`AtomicArray`](crate::AtomicArray).
    Atomic = 3,
    /// In parts that have an owner each.
    Split = 4,
}

impl ArrayMode {
    fn from_number(number: u32) -> Option<Self> {
        [Self::Locked, Self::Atomic, Self::Split].into_iter().find(|mode| *mode as u32 == number)
    }
}

const VERSION: u32 = 1;

/// As many readers as a lock can have; one more waits.
pub(super) type Lock = RwLock<(), MAX_READERS>;

/// Where the elements begin.
pub(super) const DATA_AT: usize = size_of::<Header>();

/// What is read of it before it is mapped.
pub(super) const FIXED: usize = offset_of!(Header, unused);

#[repr(C, align(4096))]
pub(super) struct Header {
    magic: [u8; 8],
    version: u32,
    data_at: u32,
    layout: u64,
    /// Of the elements, in bytes.
    data_len: u64,
    align: u32,
    mode: AtomicU32,
    dims: u32,
    /// Of a split array.
    parts: AtomicU32,
    shape: [u64; MAX_DIMS],
    unused: [u8; 208],
    pub(super) lock: Lock,
    unused_too: [u8; 3456],
    /// Who has which part; numbers that only grow.
    pub(super) words: [PartWord; MAX_PARTS],
}

const _: () = {
    assert!(offset_of!(Header, mode) == 36 && FIXED == 304);
    assert!(offset_of!(Header, lock) == 512 && offset_of!(Header, words) == 12288);
    assert!(DATA_AT == 16384 && DATA_AT.is_multiple_of(MAX_ALIGN));
};

/// What is the same for all arrays of a type.
pub(super) const fn layout_of<T: ShmPlain>() -> u64 {
    Layout::named("multiproc_shm::SharedArray/1").with::<Lock>().with::<T>().to_u64()
}

/// How many elements a shape has, and how long the segment is; an error where that is more than memory can be long.
pub(super) fn lengths<T>(shape: &[usize]) -> Result<(usize, usize), ShmError> {
    const { assert!(size_of::<T>() > 0, "elements without bytes cannot be shared") };
    const { assert!(align_of::<T>() <= MAX_ALIGN, "an element is aligned to a page at most") };
    if shape.len() > MAX_DIMS {
        return Err(ViewError::TooManyDims { dims: shape.len() }.into());
    }
    let too_large = || ShmError::from(ViewError::TooLarge);
    // Without those of length 0, as `ndarray` and numpy have it: so every shape has a view there.
    let mut others = shape.iter().filter(|dim| **dim > 0);
    let bytes = others.try_fold(size_of::<T>(), |bytes, dim| bytes.checked_mul(*dim));
    let bytes = bytes.filter(|bytes| *bytes <= isize::MAX as usize).ok_or_else(too_large)?;
    let len = if shape.contains(&0) { 0 } else { bytes / size_of::<T>() };
    let segment = (len * size_of::<T>()).checked_add(DATA_AT).ok_or_else(too_large)?;
    Ok((len, segment))
}

impl Header {
    /// Writes it for an array in [`Locked`](ArrayMode::Locked) mode: what was of zeros has a lock for processes then.
    ///
    /// # Errors
    ///
    /// This process has no registry.
    ///
    /// # Safety
    ///
    /// `at` is the beginning of zeroed memory that is mapped shared, has room for a header, is known to nobody else, and stays mapped as
    /// [`Placement::new`] wants it.
    pub(super) unsafe fn write<T: ShmPlain>(
        at: *mut Self,
        shape: &[usize],
        len: usize,
    ) -> Result<(), ShmError> {
        // SAFETY: by the caller; of zeros it is a header.
        let header = unsafe { &mut *at };
        // SAFETY: the lock lies where it stays, by the caller.
        let placement = unsafe { Placement::new() }?;
        header.lock.place(&placement)?;
        header.magic = MAGIC;
        header.version = VERSION;
        header.data_at = DATA_AT as u32;
        header.layout = layout_of::<T>();
        header.data_len = (len * size_of::<T>()) as u64;
        header.align = align_of::<T>() as u32;
        header.dims = shape.len() as u32;
        for (dim, len) in header.shape.iter_mut().zip(shape) {
            *dim = *len as u64;
        }
        *header.mode.get_mut() = ArrayMode::Locked as u32;
        Ok(())
    }

    /// Nobody else has the array meanwhile, so that it orders nothing. One store: a process that dies leaves one mode or the other.
    pub(super) fn set_mode(&self, mode: ArrayMode) {
        if planted(Bug::ModeClearedFirst) {
            self.mode.store(0, Relaxed);
        }
        self.mode.store(mode as u32, Relaxed);
    }

    pub(super) fn parts(&self) -> usize {
        self.parts.load(Relaxed) as usize
    }

    /// As the mode.
    pub(super) fn set_parts(&self, parts: usize) {
        self.parts.store(parts as u32, Relaxed);
    }
}

/// Whether `bytes` begin a segment of `segment_len` bytes with an array of `T` in this mode; gives its shape, and how many elements
/// it has.
pub(super) fn check<T: ShmPlain>(
    bytes: &[u8],
    segment_len: u64,
    expected: ArrayMode,
) -> Result<(Box<[usize]>, usize), ShmError> {
    let corrupt = |what| Err(ShmError::Corrupt { what });
    let Some(bytes) = bytes.first_chunk::<FIXED>() else {
        return Err(ShmError::TooShort { len: segment_len, needed: DATA_AT as u64 });
    };
    let long = |at: usize| {
        let mut number = [0; 8];
        number.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(number)
    };
    let short = |at: usize| long(at & !7) >> (8 * (at & 7)) & 0xffff_ffff;
    if bytes[..8] != MAGIC {
        return corrupt("its magic is another");
    }
    if short(8) != u64::from(VERSION) {
        return Err(ShmError::Version { found: short(8) as u32, expected: VERSION });
    }
    let Some(mode) = ArrayMode::from_number(short(36) as u32) else {
        return corrupt("it holds something else than an array");
    };
    if long(16) != layout_of::<T>() {
        let type_name = std::any::type_name::<T>();
        return Err(ShmError::LayoutMismatch { type_name, found: long(16), expected: layout_of::<T>() });
    }
    if short(12) != DATA_AT as u64 {
        return corrupt("where its elements begin");
    }
    if short(32) != align_of::<T>() as u64 {
        return corrupt("the alignment of its elements");
    }
    let dims = short(40) as usize;
    if dims > MAX_DIMS {
        return corrupt("the number of its dimensions");
    }
    let shape = (0..dims).map(|dim| usize::try_from(long(offset_of!(Header, shape) + 8 * dim)));
    let Ok(shape) = shape.collect::<Result<Box<[usize]>, _>>() else { return corrupt("its shape") };
    let Ok((len, needed)) = lengths::<T>(&shape) else { return corrupt("its shape") };
    if long(24) != (len * size_of::<T>()) as u64 {
        return corrupt("the length of its elements");
    }
    if segment_len < needed as u64 {
        return Err(ShmError::TooShort { len: segment_len, needed: needed as u64 });
    }
    if short(44) > MAX_PARTS as u64 {
        return corrupt("the number of its parts");
    }
    if mode != expected {
        return Err(ShmError::ArrayMode { found: mode, expected });
    }
    Ok((shape, len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family;
    use crate::memory::SharedMemory;

    const SHAPE: [usize; 2] = [3, 5];

    fn good() -> (Vec<u8>, u64) {
        family::registry().unwrap();
        let (len, segment) = lengths::<u32>(&SHAPE).unwrap();
        let memory = SharedMemory::anonymous(segment).unwrap();
        // SAFETY: zeroed memory of that length, nobody else's; the test leaves no guard.
        unsafe { Header::write::<u32>(memory.as_ptr().cast(), &SHAPE, len) }.unwrap();
        let mut bytes = vec![0; FIXED];
        assert_eq!(memory.read_at(0, &mut bytes).unwrap(), FIXED);
        (bytes, segment as u64)
    }

    #[test]
    fn every_flipped_bit_of_what_counts_and_every_cut_is_an_error() {
        let (good, len) = good();
        let (shape, elements) = check::<u32>(&good, len, ArrayMode::Locked).unwrap();
        assert_eq!((&*shape, elements), (&SHAPE[..], 15));
        let used = 48 + 8 * SHAPE.len();
        for bit in 0..used * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let refused = check::<u32>(&bad, len, ArrayMode::Locked).is_err();
            // Of the parts any number up to the most may be left from an earlier mode.
            let parts = bit / 8 >= 44 && bit / 8 < 48 && bit - 44 * 8 <= 9;
            assert!(refused || parts, "byte {} bit {}", bit / 8, bit % 8);
        }
        for cut in 0..FIXED {
            let short = check::<u32>(&good[..cut], len, ArrayMode::Locked);
            assert!(matches!(short, Err(ShmError::TooShort { .. })));
        }
        let short = check::<u32>(&good, len - 1, ArrayMode::Locked);
        assert!(matches!(short, Err(ShmError::TooShort { .. })));
    }

    #[test]
    fn another_type_and_another_mode_are_named() {
        let (good, len) = good();
        let error = check::<i32>(&good, len, ArrayMode::Locked).unwrap_err();
        assert!(matches!(error, ShmError::LayoutMismatch { type_name: "i32", .. }), "{error}");
        let error = check::<u32>(&good, len, ArrayMode::Atomic).unwrap_err();
        let (found, expected) = (ArrayMode::Locked, ArrayMode::Atomic);
        assert!(
            matches!(error, ShmError::ArrayMode { found: f, expected: e } if (f, e) == (found, expected)),
            "{error}"
        );
    }

    #[test]
    fn shapes_beyond_memory_are_errors() {
        let error = |shape: &[usize]| lengths::<u64>(shape).unwrap_err();
        assert!(matches!(error(&[usize::MAX, 2]), ShmError::View(ViewError::TooLarge)));
        assert!(matches!(error(&[usize::MAX / 8]), ShmError::View(ViewError::TooLarge)));
        assert!(matches!(error(&[1; MAX_DIMS + 1]), ShmError::View(ViewError::TooManyDims { .. })));
        assert!(matches!(error(&[usize::MAX, 0, 2]), ShmError::View(ViewError::TooLarge)));
        assert_eq!(lengths::<u64>(&[1 << 30, 0, 2]).unwrap(), (0, DATA_AT));
        assert_eq!(lengths::<u64>(&[]).unwrap(), (1, DATA_AT + 8));
    }
}

//! Memory that a fault program shares with its forks. `unsafe`: a value is made of zeroed bytes.
#![allow(unsafe_code)]

use std::ops::Deref;
use std::ptr::NonNull;

use crate::sys::memory;

/// A value in memory that every later fork of this process shares (`MAP_SHARED`, anonymous), page aligned.
///
/// It is unmapped when dropped, without dropping the value: other processes may still use it.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use multiproc_testkit::fault::Memory;
///
/// // SAFETY: an atomic number may be all zeros.
/// let number = unsafe { Memory::<AtomicU32>::zeroed() };
/// assert_eq!(number.fetch_add(1, Relaxed), 0);
/// ```
#[derive(Debug)]
pub struct Memory<T> {
    value: NonNull<T>,
    len: usize,
}

impl<T> Memory<T> {
    /// New memory, all zeros; pages come into being when they are touched.
    ///
    /// # Panics
    ///
    /// If the kernel has no memory, or `T` wants an alignment beyond a page's.
    ///
    /// # Safety
    ///
    /// All zeros are a valid `T`, and what processes write to it at the same time is atomic or behind a lock.
    #[must_use]
    pub unsafe fn zeroed() -> Self {
        assert!(align_of::<T>() <= memory::PAGE, "mappings are aligned to pages");
        let len = size_of::<T>().max(1).next_multiple_of(memory::PAGE);
        let start = memory::map_shared(len).unwrap_or_else(|error| panic!("cannot map {len} bytes: {error}"));
        Self { value: start.cast(), len }
    }

    /// The value for as long as this process lives.
    pub fn leak(self) -> &'static T {
        let value = self.value;
        std::mem::forget(self);
        // SAFETY: nothing unmaps it any more; `zeroed` had the promise that it is a valid value.
        unsafe { value.as_ref() }
    }

    /// Where the value lies: to be written to before others see it.
    #[must_use]
    pub fn as_ptr(&self) -> NonNull<T> {
        self.value
    }
}

impl<T> Deref for Memory<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: mapped until dropped; `zeroed` had the promise that it is a valid value.
        unsafe { self.value.as_ref() }
    }
}

impl<T> Drop for Memory<T> {
    fn drop(&mut self) {
        // SAFETY: mapped by `zeroed` with this length; references to the value are gone, as it was borrowed from here.
        unsafe { memory::unmap(self.value.cast(), self.len) };
    }
}

/// Which bytes of some ranges change, seen from outside between two steps of a stopped process. Beside a range: its extent when its pages
/// were looked for.
#[derive(Debug)]
pub(super) struct Watch {
    ranges: Vec<(std::ops::Range<usize>, Option<i64>)>,
    pages: Vec<(usize, Box<[u64; memory::PAGE / 8]>)>,
}

impl Watch {
    /// Watches whole pages around `ranges`, which stay mapped.
    pub(super) fn new(ranges: &[std::ops::Range<usize>]) -> Self {
        let around = |range: &std::ops::Range<usize>| {
            range.start / memory::PAGE * memory::PAGE..range.end.next_multiple_of(memory::PAGE)
        };
        let ranges = ranges.iter().map(|range| (around(range), None)).collect();
        let mut watch = Self { ranges, pages: Vec::new() };
        watch.changed();
        watch
    }

    /// Whether anything is other than at the last look.
    pub(super) fn changed(&mut self) -> bool {
        let mut changed = false;
        for (range, before) in &mut self.ranges {
            // Asked before the pages: what comes into being meanwhile is another extent next time.
            let extent = memory::extent(range);
            if extent.is_some() && extent == *before {
                continue;
            }
            *before = extent;
            // A page that nobody has touched is all zeros and need not be read (which would bring it into being).
            let there = memory::pages_there(range.start, range.len()).expect("watched memory is mapped");
            for at in (0..there.len()).filter(|at| there[*at]) {
                let address = range.start + at * memory::PAGE;
                if !self.pages.iter().any(|(page, _)| *page == address) {
                    self.pages.push((address, Box::new([0; memory::PAGE / 8])));
                }
            }
        }
        for (address, copy) in &mut self.pages {
            // SAFETY: within a watched range, so mapped and shared.
            changed |= unsafe { memory::refresh(*address, copy) };
        }
        changed
    }
}

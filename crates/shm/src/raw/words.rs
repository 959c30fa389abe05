//! Elements without gaps, moved eight bytes at a time. `unsafe`: accesses by address.
//!
//! A word of eight bytes at a multiple of eight holds whole elements only, each at a multiple of its size, so that none is torn.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;

use super::element::{Access, RawElement};

/// The elements before the first word, the words, and the elements behind the last.
struct Split {
    head: usize,
    words: usize,
    /// Where the tail begins, in elements.
    tail: usize,
}

impl Split {
    fn of<T>(at: *mut T, count: usize) -> Self {
        let per_word = size_of::<u64>() / size_of::<T>();
        let before = at.addr().wrapping_neg() % size_of::<u64>() / size_of::<T>();
        let head = before.min(count);
        let words = (count - head) / per_word;
        Self { head, words, tail: head + words * per_word }
    }
}

/// Copies elements out of shared memory.
///
/// # Safety
///
/// `from`: `count` elements in mapped memory that nobody has a reference to, the first at a multiple of its size.
/// `to`: room for as many, this process's own and apart from them. It need not be aligned for `T = u8`.
pub(super) unsafe fn read<T: RawElement>(from: *mut T, to: *mut T, count: usize) {
    let Split { head, words, tail } = Split::of(from, count);
    for at in (0..head).chain(tail..count) {
        // SAFETY: below `count`, so mapped and aligned as the caller says; `to` has room for it.
        unsafe { to.add(at).write(T::load(from.add(at), Relaxed)) };
    }
    // SAFETY: at most `count`, so in or just behind the elements.
    let (from, to) = unsafe { (from.add(head).cast::<u64>(), to.add(head).cast::<u64>()) };
    for at in 0..words {
        // SAFETY: the words lie between head and tail, aligned by the choice of `head`; `to` may be unaligned.
        unsafe { to.add(at).write_unaligned(u64::load(from.add(at), Relaxed)) };
    }
}

/// Copies elements into shared memory.
///
/// # Safety
///
/// As [`read`], the other way round; the memory is mapped for writing.
pub(super) unsafe fn write<T: RawElement>(from: *const T, to: *mut T, count: usize) {
    let Split { head, words, tail } = Split::of(to, count);
    for at in (0..head).chain(tail..count) {
        // SAFETY: below `count`, so mapped and aligned as the caller says; `from` has it.
        unsafe { T::store(to.add(at), from.add(at).read(), Relaxed) };
    }
    // SAFETY: at most `count`, so in or just behind the elements.
    let (from, to) = unsafe { (from.add(head).cast::<u64>(), to.add(head).cast::<u64>()) };
    for at in 0..words {
        // SAFETY: the words lie between head and tail, aligned by the choice of `head`; `from` may be unaligned.
        unsafe { u64::store(to.add(at), from.add(at).read_unaligned(), Relaxed) };
    }
}

/// Writes one value to elements of shared memory.
///
/// # Safety
///
/// `to` as in [`write()`].
pub(super) unsafe fn fill<T: RawElement>(to: *mut T, value: T, count: usize) {
    let Split { head, words, tail } = Split::of(to, count);
    for at in (0..head).chain(tail..count) {
        // SAFETY: below `count`, so mapped for writing and aligned as the caller says.
        unsafe { T::store(to.add(at), value, Relaxed) };
    }
    let mut word = 0_u64;
    for at in 0..size_of::<u64>() / size_of::<T>() {
        // SAFETY: within the word, which is aligned for every element.
        unsafe { (&raw mut word).cast::<T>().add(at).write(value) };
    }
    // SAFETY: at most `count`, so in or just behind the elements.
    let to = unsafe { to.add(head).cast::<u64>() };
    for at in 0..words {
        // SAFETY: the words lie between head and tail, aligned by the choice of `head`.
        unsafe { u64::store(to.add(at), word, Relaxed) };
    }
}

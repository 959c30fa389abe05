//! Memory that forked processes share, and which pages of it exist. `unsafe`: mappings are raw memory.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous};

pub(crate) const PAGE: usize = 4096;

/// Maps zeroed memory that every fork of this process shares; whole pages, none of them there until touched.
pub(crate) fn map_shared(len: usize) -> io::Result<NonNull<u8>> {
    let len = NonZeroUsize::new(len).ok_or(io::ErrorKind::InvalidInput)?;
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
    Ok(unsafe { mmap_anonymous(None, len, protection, flags) }?.cast())
}

/// Unmaps `len` bytes.
///
/// # Safety
///
/// They came from [`map_shared`] with this length, and nothing refers to them any more.
pub(crate) unsafe fn unmap(start: NonNull<u8>, len: usize) {
    // SAFETY: the caller's promise. It can fail only for what is no mapping.
    let _ = unsafe { nix::sys::mman::munmap(start.cast::<c_void>(), len) };
}

/// For each page of `len` bytes from `start`, whether it is in memory.
pub(crate) fn pages_there(start: usize, len: usize) -> io::Result<Vec<bool>> {
    let mut there = vec![0_u8; len.div_ceil(PAGE)];
    // SAFETY: the kernel writes one byte a page, as many as `there` has; an address that is not mapped is an error.
    let outcome = unsafe { libc::mincore(start as *mut c_void, len, there.as_mut_ptr()) };
    if outcome == 0 {
        Ok(there.into_iter().map(|byte| byte & 1 == 1).collect())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Copies the page at `address` to `copy`; gives whether it differed from it.
///
/// # Safety
///
/// The page is mapped, readable, and shared memory, whose changes by other processes are atomic or behind a lock of
/// theirs. What is read while they change it may be torn, and is only compared.
pub(crate) unsafe fn refresh(address: usize, copy: &mut [u64; PAGE / 8]) -> bool {
    // SAFETY: the caller's promise; pages are aligned for words.
    let page = unsafe { &*(address as *const [AtomicU64; PAGE / 8]) };
    let mut differs = false;
    for (word, kept) in page.iter().zip(copy) {
        let now = word.load(Relaxed); // no other memory is read on the strength of it
        differs |= now != *kept;
        *kept = now;
    }
    differs
}

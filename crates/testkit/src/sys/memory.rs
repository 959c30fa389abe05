//! Memory that forked processes share, and which pages of it exist. `unsafe`: mappings are raw memory.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap};
use nix::sys::stat::fstat;
use nix::unistd::ftruncate;

pub(crate) const PAGE: usize = 4096;

/// Where the memory of this process lies, and the file that holds it. Its forks have their own copy of the list.
static MAPPED: Mutex<Vec<(Range<usize>, OwnedFd)>> = Mutex::new(Vec::new());

/// Maps zeroed memory that every fork of this process shares; whole pages, none of them there until touched.
pub(crate) fn map_shared(len: usize) -> io::Result<NonNull<u8>> {
    let size = NonZeroUsize::new(len).ok_or(io::ErrorKind::InvalidInput)?;
    let end = i64::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
    let file = memfd_create(c"multiproc-testkit", MFdFlags::MFD_CLOEXEC)?;
    ftruncate(&file, end)?;
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_SHARED | MapFlags::MAP_NORESERVE;
    // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
    let start: NonNull<u8> = unsafe { mmap(None, size, protection, flags, &file, 0) }?.cast();
    let address = start.addr().get();
    MAPPED.lock().unwrap_or_else(PoisonError::into_inner).push((address..address + len, file));
    Ok(start)
}

/// Unmaps `len` bytes.
///
/// # Safety
///
/// They came from [`map_shared`] with this length, and nothing refers to them any more.
pub(crate) unsafe fn unmap(start: NonNull<u8>, len: usize) {
    // First: the address may be another mapping's as soon as it is free.
    let mut mapped = MAPPED.lock().unwrap_or_else(PoisonError::into_inner);
    mapped.retain(|(range, _)| range.start != start.addr().get());
    // SAFETY: the caller's promise. It can fail only for what is no mapping.
    let _ = unsafe { nix::sys::mman::munmap(start.cast::<c_void>(), len) };
}

/// A number that changes whenever a page comes into being in the memory around `range`; `None` where it did not come from
/// [`map_shared`]. It costs much less than [`pages_there`].
pub(crate) fn extent(range: &Range<usize>) -> Option<i64> {
    let mapped = MAPPED.lock().unwrap_or_else(PoisonError::into_inner);
    let (_, file) = mapped.iter().find(|(whole, _)| whole.start <= range.start && range.end <= whole.end)?;
    Some(fstat(file).ok()?.st_blocks)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extent_tells_of_new_pages_and_ends_with_the_memory() {
        let len = 8 * PAGE;
        let start = map_shared(len).unwrap();
        let address = start.addr().get();
        let within = address + PAGE..address + 3 * PAGE;
        let none = extent(&within).expect("it is known");
        // SAFETY: just mapped, for this test alone.
        unsafe { start.add(2 * PAGE).write(1) };
        let one = extent(&within).unwrap();
        assert!(one > none);
        // SAFETY: as above.
        unsafe { start.add(2 * PAGE).write(2) };
        assert_eq!(extent(&within), Some(one), "the page was there");
        assert!(pages_there(address, len).unwrap()[2]);
        assert_eq!(extent(&(address..address + len + 1)), None, "not all of it");
        // SAFETY: mapped above, and not used any more.
        unsafe { unmap(start, len) };
        assert_eq!(extent(&within), None);
    }
}

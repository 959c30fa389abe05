//! Shared memory as one makes it by hand, and as the crate that people find makes it. `unsafe`: the calls of libc, and mappings.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

use shared_memory::ShmemConf;

use crate::Result;
use crate::segments::{Reserve, Segment};
use crate::sys::check;

/// An anonymous file, mapped.
#[derive(Debug)]
pub(crate) struct Memfd;

/// A named one.
#[derive(Debug)]
pub(crate) struct ShmOpen;

/// The crate `shared_memory`.
#[derive(Debug)]
pub(crate) struct SharedMemory;

/// A name that no other process of this program has.
fn name() -> String {
    format!("/multiproc-bench-{}", std::process::id())
}

fn owned(fd: libc::c_int) -> Result<OwnedFd> {
    check(if fd < 0 { -1 } else { 0 })?;
    // SAFETY: just opened, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Sizes the file, maps it, and unmaps it again.
fn size_map_unmap(fd: &OwnedFd, length: usize, reserve: Reserve) -> Result<()> {
    let size = libc::off_t::try_from(length)?;
    // SAFETY: an open file.
    check(unsafe { libc::ftruncate(fd.as_raw_fd(), size) })?;
    if reserve == Reserve::All {
        // SAFETY: as above.
        match unsafe { libc::posix_fallocate(fd.as_raw_fd(), 0, size) } {
            0 => {}
            code => return Err(io::Error::from_raw_os_error(code).into()),
        }
    }
    let access = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping, at an address of the kernel's choice.
    let start = unsafe { libc::mmap(ptr::null_mut(), length, access, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
    check(if start == libc::MAP_FAILED { -1 } else { 0 })?;
    // SAFETY: mapped above with this length, and nobody refers to it.
    check(unsafe { libc::munmap(start, length) })
}

impl Segment for Memfd {
    fn make_and_drop(length: usize, reserve: Reserve) -> Result<()> {
        const NAME: &CStr = c"multiproc-bench";
        // SAFETY: a string that ends with a NUL.
        let fd = owned(unsafe { libc::memfd_create(NAME.as_ptr(), libc::MFD_CLOEXEC) })?;
        size_map_unmap(&fd, length, reserve)
    }
}

impl Segment for ShmOpen {
    fn make_and_drop(length: usize, reserve: Reserve) -> Result<()> {
        let name = CString::new(name())?;
        let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR;
        // SAFETY: a string that ends with a NUL.
        let fd = owned(unsafe { libc::shm_open(name.as_ptr(), flags, 0o600) })?;
        let done = size_map_unmap(&fd, length, reserve);
        // SAFETY: as above.
        check(unsafe { libc::shm_unlink(name.as_ptr()) })?;
        done
    }
}

impl Segment for SharedMemory {
    fn make_and_drop(length: usize, reserve: Reserve) -> Result<()> {
        let name = name();
        let segment = ShmemConf::new().size(length).os_id(&name).create()?;
        if reserve == Reserve::All {
            // It has no descriptor to give.
            let file = std::fs::OpenOptions::new().write(true).open(format!("/dev/shm{name}"))?;
            // SAFETY: an open file.
            match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, libc::off_t::try_from(length)?) } {
                0 => {}
                code => return Err(io::Error::from_raw_os_error(code).into()),
            }
        }
        drop(segment);
        Ok(())
    }
}

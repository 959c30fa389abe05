//! Memory that is shared with forks of the test, and a family in it. `unsafe`: maps it for good.
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock
#![allow(unsafe_code)]
#![allow(dead_code)] // each test program uses some of it

pub(crate) mod alarmed;
pub(crate) mod filter;
pub(crate) mod unseen;

use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicU32;

use multiproc_sync::registry::{self, Registry};
use multiproc_sync::shm_safe::{Placement, ShmSafe};
#[allow(unused_imports)] // each test program uses some of it
pub(crate) use multiproc_testkit::fork::{Fork, fork, idle, kill, reap};

/// `len` zeroed bytes, mapped shared, for good.
pub(crate) fn map(len: usize) -> NonNull<u8> {
    // SAFETY: a new mapping at an address that the kernel chooses.
    let address = unsafe {
        libc::mmap(
            ptr::null_mut(),
            len,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    assert_ne!(address, libc::MAP_FAILED);
    NonNull::new(address.cast()).unwrap()
}

/// Makes this process the first of a family; gives the memory of its registry.
pub(crate) fn found_family() -> NonNull<u8> {
    static FOUNDED: std::sync::OnceLock<usize> = std::sync::OnceLock::new();
    let founded = FOUNDED.get_or_init(|| {
        let memory = map(Registry::LEN);
        // SAFETY: zeroed, mapped shared and never unmapped.
        let registry = unsafe { Registry::format(memory, Registry::LEN) }.unwrap();
        registry::install(Box::leak(Box::new(registry))).unwrap();
        memory.as_ptr().expose_provenance()
    });
    NonNull::new(ptr::with_exposed_provenance_mut(*founded)).unwrap()
}

/// `value` in shared memory, placed.
pub(crate) fn share<T: ShmSafe>(value: T) -> &'static T {
    found_family();
    let memory = map(size_of::<T>()).cast::<T>();
    // SAFETY: fresh shared memory, which is never unmapped and which nobody else knows yet.
    unsafe {
        memory.write(value);
        let value = &mut *memory.as_ptr();
        value.place(&Placement::new().unwrap()).unwrap();
        value
    }
}

/// The kernel's number of the calling thread.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: cannot fail.
    unsafe { libc::gettid() }.unsigned_abs()
}

/// A number that forks can tell their parent.
pub(crate) fn flag() -> &'static AtomicU32 {
    &share([const { AtomicU32::new(0) }; 1])[0]
}

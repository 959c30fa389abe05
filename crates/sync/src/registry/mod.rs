//! The names of a family's processes and threads, in memory that all of them map. `unsafe`: that memory is given by address.
//!
//! A registry is made once a family and mapped for good in every member. This crate defines it and maps nothing: the crate
//! `multiproc-shm` makes or attaches the memory and [installs](install) it. Without one, placing a lock in shared memory
//! is a typed error.
#![allow(unsafe_code)]

mod claim;
mod entry;
mod error;
mod fate;
mod header;
pub mod inspect;
mod stopped;
mod view;

use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use self::entry::{ProcessEntry, ThreadEntry};
pub use self::error::RegistryError;
use self::header::Header;
use crate::identity::{self, IdentityError, Member, low_bits};
use crate::primitive::AtomicUsize;
use crate::sys;
#[cfg(feature = "watch")]
use crate::watch::tables::{self, Tables};

/// The first bytes of a registry, by which it is told from other memory.
pub const MAGIC: [u8; 8] = *b"mpregist";

/// The most processes that a family can have at a time.
pub const MAX_PROCESSES: usize = 4096;

/// The most threads of a family that can hold locks in shared memory, at a time; with the feature `deadlock`, or `contention` and a lock that
/// has a name, locks in any memory.
pub const MAX_THREADS: usize = 16_384;

/// A family's registry, mapped for good.
#[derive(Debug)]
pub struct Registry {
    header: &'static Header,
    processes: &'static [ProcessEntry],
    threads: &'static [ThreadEntry],
    /// `None`: its maker knows of none.
    #[cfg(feature = "watch")]
    side_tables: Option<&'static Tables>,
}

impl Registry {
    /// How many bytes a registry takes. Memory that was never touched costs nothing in a sparse file: it is mostly that.
    pub const LEN: usize = header::LEN;

    /// Makes a registry of zeroed memory, for the family of this process.
    ///
    /// # Errors
    ///
    /// [`TooShort`](RegistryError::TooShort) below [`LEN`](Self::LEN) bytes, [`Misaligned`](RegistryError::Misaligned) off
    /// a page's beginning, [`NoProc`](RegistryError::NoProc) where /proc is missing.
    ///
    /// # Safety
    ///
    /// `memory` is `len` zeroed bytes, mapped shared, which stay mapped to the end of the process and are written by
    /// registries only; nobody uses them before this call has returned.
    pub unsafe fn format(memory: NonNull<u8>, len: usize) -> Result<Self, RegistryError> {
        Self::check_place(memory, len)?;
        if len < Self::LEN {
            return Err(RegistryError::TooShort { len, needed: Self::LEN });
        }
        let namespaces = sys::process::namespaces().map_err(|_| RegistryError::NoProc)?;
        // SAFETY: page aligned and long enough, writable, and nobody else's yet: by the caller.
        unsafe { memory.cast::<Header>().write(Header::new(namespaces)) };
        // SAFETY: what was written; the rest by the caller.
        unsafe { Self::attach(memory, len) }
    }

    /// The registry that another process of the family has made in this memory.
    ///
    /// # Errors
    ///
    /// Memory that holds no registry of this version is refused, and so is one of another pid namespace, where the numbers
    /// of processes mean others.
    ///
    /// # Safety
    ///
    /// `memory` is `len` bytes, mapped shared, which stay mapped to the end of the process and are written by registries
    /// only.
    pub unsafe fn attach(memory: NonNull<u8>, len: usize) -> Result<Self, RegistryError> {
        Self::check_place(memory, len)?;
        if len < size_of::<Header>() {
            return Err(RegistryError::TooShort { len, needed: Self::LEN });
        }
        // SAFETY: aligned, long enough and mapped for good; any bytes are a header, and its plain fields are written
        // before it is given to anybody.
        let header: &'static Header = unsafe { memory.cast().as_ref() };
        let places = header.check(len)?;
        header.check_namespaces()?;
        // SAFETY: the sections are aligned and lie within the memory, which `check` has seen; they are atomics alone.
        let (processes, threads) = unsafe {
            let processes = memory.add(places.processes).cast::<ProcessEntry>();
            let threads = memory.add(places.threads).cast::<ThreadEntry>();
            (
                NonNull::slice_from_raw_parts(processes, MAX_PROCESSES).as_ref(),
                NonNull::slice_from_raw_parts(threads, MAX_THREADS).as_ref(),
            )
        };
        Ok(Self {
            header,
            processes,
            threads,
            // SAFETY: aligned, and within the memory, which the header has seen; all of it is atomics.
            #[cfg(feature = "watch")]
            side_tables: places.side_tables.map(|at| unsafe { memory.add(at).cast().as_ref() }),
        })
    }

    /// Where threads tell of their locks.
    #[cfg(feature = "watch")]
    pub(crate) fn side_tables(&self) -> Option<&'static Tables> {
        self.side_tables
    }

    fn check_place(memory: NonNull<u8>, _len: usize) -> Result<(), RegistryError> {
        if memory.addr().get().is_multiple_of(4096) { Ok(()) } else { Err(RegistryError::Misaligned) }
    }

    /// This process as an entry describes it, if it is in the family's pid namespace, where numbers mean the same, and can learn of
    /// the others' ends.
    fn this_process(&self) -> Result<Member, IdentityError> {
        self.header.check_namespaces().map_err(|error| match error {
            RegistryError::ForeignPidNamespace { .. } => IdentityError::ForeignPidNamespace,
            RegistryError::ForeignTimeNamespace { .. } => IdentityError::ForeignTimeNamespace,
            _ => IdentityError::NoProc,
        })?;
        if !sys::process::has_pidfds() {
            return Err(IdentityError::NoPidFd);
        }
        let pid = std::process::id();
        let started = sys::process::Stat::of(pid).ok_or(IdentityError::NoProc)?.started;
        Ok(Member { pid, started: low_bits(started) })
    }
}

/// The address of this process's registry; 0: none yet. No `OnceLock`: a fork in the middle of its beginning would leave the child
/// waiting for a thread that is not there.
static INSTALLED: AtomicUsize = AtomicUsize::new(0);

/// Makes `registry` that of this process, for good. A fork of the process has it too.
///
/// # Errors
///
/// [`AlreadyInstalled`](RegistryError::AlreadyInstalled) if there is one: a process belongs to one family.
pub fn install(registry: &'static Registry) -> Result<(), RegistryError> {
    // Release: with the Acquire of `installed`.
    match INSTALLED.compare_exchange(0, ptr::from_ref(registry) as usize, Release, Relaxed) {
        Ok(_) => {
            #[cfg(feature = "watch")]
            if let Some(tables) = registry.side_tables {
                tables::family_begins(tables);
            }
            Ok(())
        }
        Err(_) => Err(RegistryError::AlreadyInstalled),
    }
}

/// The registry of this process, if it has one.
pub fn installed() -> Option<&'static Registry> {
    // SAFETY: 0, or the address of a registry that was borrowed for good.
    unsafe { (INSTALLED.load(Acquire) as *const Registry).as_ref() }
}

/// Whether any thread of this process holds, or is taking, a lock that lies at these addresses. Such memory has to stay
/// mapped: the kernel, and libc, reach the lock through the thread's list.
pub fn holds_within(addresses: &Range<usize>) -> bool {
    identity::holds_within(addresses)
}

//! The family of this process: those who share its registry, in which the owners of locks have their names. `unsafe`: the
//! registry is made in memory given by address.
//!
//! A family begins with the first process that makes a [`Shared`](crate::Shared) value with a lock, or starts a child. Its
//! children are told of it at their start, theirs too, and a fork inherits it. A process belongs to one family, for good.
//! All members run the same build, in the same pid namespace.
#![allow(unsafe_code)]

pub(crate) mod beginning;

use std::sync::OnceLock;

use multiproc_sync::registry::{self, Registry};
use serde::{Deserialize, Serialize};

use self::beginning::begin;
use crate::arrivals;
pub use crate::error::FamilyError;
use crate::error::ShmError;
use crate::memory::SharedMemory;
use crate::transfer::Descriptor;

/// The registry's descriptor, kept for good, once this process has a family. Set while a family is [begun](begin) only.
static DESCRIPTOR: OnceLock<Descriptor> = OnceLock::new();

/// The registry of this process's family: mapped at the first call, and made if the process has no family yet.
///
/// Cost: the first call some system calls, each later one a load.
///
/// ```
/// use multiproc_shm::family;
/// let registry = family::registry()?;
/// assert!(std::ptr::eq(registry, family::registry()?));
/// # Ok::<(), family::FamilyError>(())
/// ```
///
/// # Errors
///
/// [`Memory`](FamilyError::Memory) where the kernel gives none, [`Registry`](FamilyError::Registry) where this process cannot
/// be a member: in another pid namespace, or without /proc.
pub fn registry() -> Result<&'static Registry, FamilyError> {
    if let Some(registry) = registry::installed() {
        return Ok(registry);
    }
    let _beginning = begin();
    // Another thread may have been first.
    if let Some(registry) = registry::installed() {
        return Ok(registry);
    }
    let Some(descriptor) = DESCRIPTOR.get() else { return found() };
    let fd =
        descriptor.clone().into_owned().map_err(ShmError::kernel("open the family's registry once more"))?;
    Ok(install(SharedMemory::attach_any(fd)?, false)?.0)
}

/// What makes a process a member of this one's family: sent to a child, which [adopts](Membership::adopt) it before it has a family of its own.
///
/// A [`Shared`](crate::Shared) value with locks brings it along by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Membership(Descriptor);

/// That of this process's family. The family begins if the process has none yet; its registry is not mapped if it has one.
///
/// # Errors
///
/// As [`registry()`]; [`NoDescriptor`](FamilyError::NoDescriptor) if a registry was installed by other means.
pub fn membership() -> Result<Membership, FamilyError> {
    if let Some(descriptor) = DESCRIPTOR.get() {
        return Ok(Membership(descriptor.clone()));
    }
    let beginning = begin();
    if DESCRIPTOR.get().is_none() && registry::installed().is_none() {
        found()?;
    }
    drop(beginning);
    DESCRIPTOR.get().cloned().map(Membership).ok_or(FamilyError::NoDescriptor)
}

impl Membership {
    /// Makes this process a member of the family. Nothing is mapped yet. Of the family that the process is a member of already, it
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// [`AlreadyMember`](FamilyError::AlreadyMember) if it is a member of another; [`Memory`](FamilyError::Memory) for what is no segment, or was made
    /// for something else than a registry.
    pub fn adopt(self) -> Result<(), FamilyError> {
        SharedMemory::sealed_len(self.0.borrowed())?;
        let _beginning = begin();
        if !is_ours(&self.0)? {
            SharedMemory::refuse_no_registry(&self.0)?;
            DESCRIPTOR.get_or_init(|| self.0);
        }
        Ok(())
    }

    /// As [`adopt`](Self::adopt), for one that came with a value: what it is the registry of is found out before it is this process's.
    pub(crate) fn join(self) -> Result<(), FamilyError> {
        let beginning = begin();
        if !is_ours(&self.0)? {
            SharedMemory::refuse_no_registry(&self.0)?;
            let fd = self.0.into_owned().map_err(ShmError::kernel("open the family's registry once more"))?;
            let (_, descriptor) = install(SharedMemory::attach_any(fd)?, false)?;
            DESCRIPTOR.get_or_init(|| descriptor);
        }
        drop(beginning);
        registry().map(drop)
    }
}

/// Whether it is the registry of this process's family; `false` if it has none. Called while a family is begun.
fn is_ours(theirs: &Descriptor) -> Result<bool, FamilyError> {
    let Some(ours) = DESCRIPTOR.get() else {
        return if registry::installed().is_some() { Err(FamilyError::AlreadyMember) } else { Ok(false) };
    };
    let identity = |of: &Descriptor| arrivals::key(of.file()).map_err(FamilyError::from);
    // A file that somebody holds open shares its number with no other.
    if identity(ours)? == identity(theirs)? { Ok(true) } else { Err(FamilyError::AlreadyMember) }
}

/// Begins a family.
fn found() -> Result<&'static Registry, FamilyError> {
    let memory = SharedMemory::anonymous_as(c"multiproc-registry", Registry::LEN)?;
    let (registry, descriptor) = install(memory, true)?;
    DESCRIPTOR.get_or_init(|| descriptor);
    Ok(registry)
}

/// Makes the registry in `memory` that of this process, and keeps the memory mapped for good.
fn install(memory: SharedMemory, new: bool) -> Result<(&'static Registry, Descriptor), FamilyError> {
    let (address, len) = (memory.as_non_null(), memory.len());
    // SAFETY: `len` bytes mapped shared; kept mapped below if a registry comes of it, which is then the only one who knows the
    // address. New memory is zeroed and nobody else's.
    let registry =
        unsafe { if new { Registry::format(address, len) } else { Registry::attach(address, len) } }?;
    let memory: &'static SharedMemory = Box::leak(Box::new(memory));
    let registry: &'static Registry = Box::leak(Box::new(registry));
    registry::install(registry)?;
    Ok((registry, memory.descriptor()))
}

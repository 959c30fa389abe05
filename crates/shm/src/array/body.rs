//! The memory of an array, mapped: what the handles of all modes are made of. `unsafe`: references into that memory.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::ptr::NonNull;
use std::sync::Arc;

use multiproc_sync::shm_safe::ShmPlain;

use super::header::{self, ArrayMode, DATA_AT, FIXED, Header};
use crate::error::{FamilyError, ShmError};
use crate::family::{self, Membership};
use crate::holding::Holding;
use crate::memory::SharedMemory;
use crate::sys::memfd;
use crate::transfer::Descriptor;

/// One handle's hold of the memory. A clone is another one.
#[derive(Debug)]
pub(super) struct Body<T> {
    holding: Holding,
    shape: Arc<[usize]>,
    len: usize,
    elements: PhantomData<T>,
}

impl<T> Clone for Body<T> {
    fn clone(&self) -> Self {
        let (holding, shape) = (self.holding.clone(), Arc::clone(&self.shape));
        Self { holding, shape, len: self.len, elements: PhantomData }
    }
}

impl<T: ShmPlain + Send + Sync> Body<T> {
    /// New memory with elements of zeros.
    pub(super) fn new(shape: &[usize]) -> Result<Self, ShmError> {
        let (len, segment_len) = header::lengths::<T>(shape)?;
        family::registry()?;
        let memory = SharedMemory::typed(segment_len)?;
        // SAFETY: zeroed, longer than a header, and nobody else's; mapped as long as a handle, and a guard borrows one; `Segment` keeps it
        // while a lock in it is held.
        unsafe { Header::write::<T>(memory.as_ptr().cast(), shape, len) }?;
        Ok(Self { holding: Holding::new(memory)?, shape: shape.into(), len, elements: PhantomData })
    }

    /// Takes over the segment that came with a message, if there is an array in this mode. As long as the message has it, the mode does not
    /// change.
    pub(super) fn arrive(
        descriptor: Descriptor,
        family: Membership,
        expected: ArrayMode,
    ) -> Result<Self, ShmError> {
        let fd = descriptor.borrowed();
        let segment_len = SharedMemory::sealed_len(fd)?;
        SharedMemory::refuse_plain(&descriptor)?;
        let mut bytes = [0; FIXED];
        let read = memfd::read_start(fd, &mut bytes).map_err(ShmError::kernel("read a segment"))?;
        let (shape, len) = header::check::<T>(&bytes[..read], segment_len, expected)?;
        family.join().map_err(|error| match error {
            FamilyError::AlreadyMember => ShmError::ForeignFamily { type_name: std::any::type_name::<T>() },
            other => other.into(),
        })?;
        Ok(Self { holding: Holding::arrive(descriptor)?, shape: shape.into(), len, elements: PhantomData })
    }

    pub(super) fn header(&self) -> &Header {
        // SAFETY: mapped as long as `self` lives, aligned to a page; what is written to while others have it are atomics and the lock.
        unsafe { self.holding.memory().as_non_null().cast::<Header>().as_ref() }
    }

    /// The file of the memory, for those who write what nobody else knows yet.
    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.holding.memory().as_fd()
    }

    /// The elements. Whoever makes a reference of it has the right to, by the array's mode.
    pub(super) fn elements(&self) -> NonNull<[T]> {
        // SAFETY: within the mapping, which is longer than a header.
        let first = unsafe { self.holding.memory().as_non_null().add(DATA_AT) };
        NonNull::slice_from_raw_parts(first.cast(), self.len)
    }
}

impl<T> Body<T> {
    pub(super) fn holding(&self) -> &Holding {
        &self.holding
    }

    pub(super) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}

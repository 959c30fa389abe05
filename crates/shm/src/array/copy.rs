//! Copies into an array and out of it, each under its lock. `unsafe`: elements that nobody else knows yet.
#![allow(unsafe_code)]

use std::io;

use multiproc_sync::LockError;
use multiproc_sync::shm_safe::ShmPlain;

use super::SharedArray;
use super::guards::{ArrayReadGuard, ArrayWriteGuard};
use super::header::DATA_AT;
use crate::error::ShmError;
use crate::room;
use crate::sys::memfd;

/// # Copies
///
/// Each takes the lock for its own time, and copies nothing if the lock comes with a warning: the guard in the error has the elements. What
/// is to be one step takes a guard itself.
impl<T: ShmPlain + Send + Sync + Copy> SharedArray<T> {
    /// Has the elements be those of `from`, at the speed of a copy of memory.
    ///
    /// ```
    /// let array = multiproc_shm::SharedArray::zeroed(3)?;
    /// array.copy_from_slice(&[0.5, 1.5, 2.5]).unwrap();
    /// assert_eq!(array.to_vec().unwrap(), [0.5, 1.5, 2.5]);
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    ///
    /// # Panics
    ///
    /// If `from` has not as many elements; the lock is not taken then.
    #[track_caller]
    pub fn copy_from_slice(&self, from: &[T]) -> Result<(), LockError<ArrayWriteGuard<'_, T>>> {
        self.assert_len(from.len());
        self.write()?.copy_from_slice(from);
        Ok(())
    }

    /// Has `to` be the elements, at the speed of a copy of memory.
    ///
    /// ```
    /// let array = multiproc_shm::SharedArray::from_slice(&[1, 2, 3])?;
    /// let mut own = [0; 3];
    /// array.copy_to_slice(&mut own).unwrap();
    /// assert_eq!(own, [1, 2, 3]);
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    ///
    /// # Panics
    ///
    /// If `to` has not as many elements; the lock is not taken then.
    #[track_caller]
    pub fn copy_to_slice(&self, to: &mut [T]) -> Result<(), LockError<ArrayReadGuard<'_, T>>> {
        self.assert_len(to.len());
        to.copy_from_slice(&self.read()?);
        Ok(())
    }

    /// A copy of the elements.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    #[track_caller]
    pub fn to_vec(&self) -> Result<Vec<T>, LockError<ArrayReadGuard<'_, T>>> {
        Ok(self.read()?.to_vec())
    }

    /// Has each element be `value`.
    ///
    /// ```
    /// let array = multiproc_shm::SharedArray::zeroed(2)?;
    /// array.fill(7_u8).unwrap();
    /// assert_eq!(*array.read().unwrap(), [7, 7]);
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    #[track_caller]
    pub fn fill(&self, value: T) -> Result<(), LockError<ArrayWriteGuard<'_, T>>> {
        self.write()?.fill(value);
        Ok(())
    }

    /// The element at `index`; `None` behind the last.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    #[track_caller]
    pub fn get(&self, index: usize) -> Result<Option<T>, LockError<ArrayReadGuard<'_, T>>> {
        Ok(self.read()?.get(index).copied())
    }

    /// Has the element at `index` be `value`.
    ///
    /// ```
    /// let array = multiproc_shm::SharedArray::zeroed(2)?;
    /// array.set(1, -1_i16).unwrap();
    /// assert_eq!((array.get(1).unwrap(), array.get(2).unwrap()), (Some(-1), None));
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    ///
    /// # Panics
    ///
    /// Behind the last element; the lock is not taken then.
    #[track_caller]
    pub fn set(&self, index: usize, value: T) -> Result<(), LockError<ArrayWriteGuard<'_, T>>> {
        assert!(index < self.len(), "no element {index} in an array of {}", self.len());
        self.write()?[index] = value;
        Ok(())
    }

    #[track_caller]
    fn assert_len(&self, found: usize) {
        assert!(found == self.len(), "a slice of {found} elements for an array of {}", self.len());
    }
}

impl<T: ShmPlain + Send + Sync> SharedArray<T> {
    /// Has the elements from `first` on be those of `from`, in an array that was just made here. By a system call: the kernel fills each page as
    /// it gives it, where through the mapping it has to zero it first and the thread stops for each. Of 100 MB that halves the time.
    pub(super) fn fill_fresh(&mut self, first: usize, from: &[T]) -> Result<(), ShmError> {
        debug_assert!(first + from.len() <= self.len());
        if !self.body.holding().is_ours() {
            return Err(ShmError::Forked);
        }
        let (len, at) = (size_of_val(from), DATA_AT + first * size_of::<T>());
        // SAFETY: the bytes of the slice.
        let written = unsafe { memfd::write_at(self.body.as_fd(), from.as_ptr().cast(), len, at) };
        written.map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::OutOfMemory => room::out_of_memory(len as u64),
            _ => ShmError::kernel("fill a segment")(error),
        })
    }

    /// The elements of an array that was just made here: no other handle is there, and none on its way.
    #[cfg(feature = "ndarray")]
    pub(super) fn fresh(&mut self) -> &mut [T] {
        // SAFETY: mapped as long as `self`, which is the only handle, as its callers have made it and given it to nobody.
        unsafe { self.body.elements().as_mut() }
    }
}

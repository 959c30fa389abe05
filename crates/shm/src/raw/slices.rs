//! References to the elements, for callers who know that nobody writes. `unsafe`: the references.
#![allow(unsafe_code)]

use std::slice;

use super::element::RawElement;
use super::error::ViewError;
use super::view::RawView;

/// # Slices
impl<T: RawElement> RawView<T> {
    /// The elements as a slice, without a copy.
    ///
    /// ```
    /// let view = multiproc_shm::SharedMemory::anonymous(16)?.raw_view::<u32>(4, &[3])?;
    /// view.copy_from_slice(&[3, 1, 2])?;
    /// // SAFETY: the memory was made here, and nobody else knows it.
    /// let slice = unsafe { view.as_slice() }?;
    /// assert_eq!(slice.iter().position(|value| *value == 2), Some(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotContiguous`](ViewError::NotContiguous), [`Misaligned`](ViewError::Misaligned).
    ///
    /// # Safety
    ///
    /// As long as the slice lives, nobody writes to the elements: no thread, in no process that maps the memory, by no view or
    /// pointer or descriptor, and nobody cuts the file short.
    #[doc(alias = "numpy.frombuffer")]
    pub unsafe fn as_slice(&self) -> Result<&[T], ViewError> {
        let at = self.first()?;
        // SAFETY: `len` elements, mapped as long as `self` lives, aligned, one behind the other; any bytes are values, and
        // nobody writes them, says the caller.
        Ok(if self.is_empty() { &[] } else { unsafe { slice::from_raw_parts(at, self.len()) } })
    }

    /// The elements as a slice that can be written.
    ///
    /// ```
    /// let mut view = multiproc_shm::SharedMemory::anonymous(16)?.raw_view::<u32>(4, &[3])?;
    /// view.copy_from_slice(&[3, 1, 2])?;
    /// // SAFETY: the memory was made here, and nobody else knows it.
    /// unsafe { view.as_mut_slice() }?.sort_unstable();
    /// assert_eq!(view.to_vec(), [1, 2, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReadOnly`](ViewError::ReadOnly), [`NotContiguous`](ViewError::NotContiguous), [`Misaligned`](ViewError::Misaligned).
    ///
    /// # Safety
    ///
    /// As long as the slice lives, nobody else reads or writes the elements: no thread, in no process that maps the memory, by
    /// no view (clones of this one included) or pointer or descriptor, and nobody cuts the file short.
    pub unsafe fn as_mut_slice(&mut self) -> Result<&mut [T], ViewError> {
        self.check_writable()?;
        let at = self.first()?;
        // SAFETY: as in `as_slice`, mapped for writing; nobody else reaches them, says the caller.
        Ok(if self.is_empty() { &mut [] } else { unsafe { slice::from_raw_parts_mut(at, self.len()) } })
    }

    /// The address of the first element, if a slice can begin there.
    fn first(&self) -> Result<*mut T, ViewError> {
        if !self.is_contiguous() {
            return Err(ViewError::NotContiguous);
        }
        self.check_aligned()?;
        Ok(self.address(self.offset()))
    }
}

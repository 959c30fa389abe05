//! Views of some of a view's elements, in another order, or of its bytes as another type.

use std::ops::{Bound, RangeBounds};

use super::element::RawElement;
use super::error::ViewError;
use super::geometry;
use super::view::RawView;

/// # Parts
///
/// They are views like any other, of the same memory: nothing is copied.
impl<T: RawElement> RawView<T> {
    /// The elements at one index of an axis: without that axis. `table.index_axis(0, 2)` is numpy's `table[2]`.
    ///
    /// ```
    /// let view = multiproc_shm::SharedMemory::anonymous(6)?.raw_view::<u8>(0, &[2, 3])?;
    /// view.copy_from_slice(&[1, 2, 3, 4, 5, 6])?;
    /// assert_eq!(view.index_axis(0, 1)?.to_vec(), [4, 5, 6]);
    /// assert_eq!(view.index_axis(1, 1)?.to_vec(), [2, 5]);
    /// assert!(view.index_axis(1, 3).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoAxis`](ViewError::NoAxis), [`NoRange`](ViewError::NoRange).
    #[doc(alias = "numpy.take")]
    pub fn index_axis(&self, axis: usize, index: usize) -> Result<Self, ViewError> {
        let len = self.len_of(axis)?;
        if index >= len {
            return Err(ViewError::NoRange { axis, start: index, end: index.saturating_add(1), len });
        }
        let start = self.moved(axis, index);
        let without = |at: &usize| *at != axis;
        let shape = (0..self.ndim()).filter(without).map(|at| self.shape()[at]).collect();
        let strides = (0..self.ndim()).filter(without).map(|at| self.strides()[at]).collect();
        self.with(start, shape, strides)
    }

    /// A range of an axis, of which each `step`-th index is taken, from the first on. A negative step begins with the range's last index
    /// and goes back: `slice_axis(0, .., -1)` is numpy's `[::-1]`, `slice_axis(0, 2..8, 3)` its `[2:8:3]`.
    ///
    /// ```
    /// let view = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<u8>(0, &[8])?;
    /// view.copy_from_slice(&[0, 1, 2, 3, 4, 5, 6, 7])?;
    /// assert_eq!(view.slice_axis(0, 2..8, 3)?.to_vec(), [2, 5]);
    /// assert_eq!(view.slice_axis(0, ..5, -2)?.to_vec(), [4, 2, 0]);
    /// assert!(view.slice_axis(0, 2..9, 1).is_err()); // a range is never cut to what there is
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoAxis`](ViewError::NoAxis), [`NoRange`](ViewError::NoRange), [`ZeroStep`](ViewError::ZeroStep).
    #[doc(alias = "slice")]
    pub fn slice_axis(
        &self,
        axis: usize,
        range: impl RangeBounds<usize>,
        step: isize,
    ) -> Result<Self, ViewError> {
        let len = self.len_of(axis)?;
        let start = match range.start_bound() {
            Bound::Included(start) => Some(*start),
            Bound::Excluded(before) => before.checked_add(1),
            Bound::Unbounded => Some(0),
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.checked_add(1),
            Bound::Excluded(end) => Some(*end),
            Bound::Unbounded => Some(len),
        };
        let (start, end) = (start.unwrap_or(usize::MAX), end.unwrap_or(usize::MAX)); // of which no axis has any
        if start > end || end > len {
            return Err(ViewError::NoRange { axis, start, end, len });
        }
        if step == 0 {
            return Err(ViewError::ZeroStep);
        }
        let count = (end - start).div_ceil(step.unsigned_abs());
        let first = if step > 0 || count == 0 { start } else { end - 1 };
        let mut shape: Box<[usize]> = self.shape().into();
        let mut strides: Box<[isize]> = self.strides().into();
        shape[axis] = count;
        if count > 1 {
            strides[axis] = strides[axis].wrapping_mul(step); // between two elements: nothing wraps
        }
        // What has no elements stays where it is.
        let at = if count == 0 { self.offset() } else { self.moved(axis, first) };
        self.with(at, shape, strides)
    }

    /// The same elements with their axes in reverse order: the element at `[i, j]` is then that at `[j, i]`.
    ///
    /// ```
    /// let view = multiproc_shm::SharedMemory::anonymous(6)?.raw_view::<u8>(0, &[2, 3])?;
    /// view.copy_from_slice(&[1, 2, 3, 4, 5, 6])?;
    /// assert_eq!(view.transpose().shape(), [3, 2]);
    /// assert_eq!(view.transpose().to_vec(), [1, 4, 2, 5, 3, 6]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "ndarray.T")]
    #[must_use]
    pub fn transpose(&self) -> Self {
        let reversed_shape = self.shape().iter().rev().copied().collect();
        let reversed_strides = self.strides().iter().rev().copied().collect();
        self.with(self.offset(), reversed_shape, reversed_strides).expect("the same elements")
    }

    /// The same elements in another shape, which has as many. They must be [without gaps](Self::is_contiguous): otherwise numpy
    /// would copy, which [`to_vec`](Self::to_vec) does here.
    ///
    /// ```
    /// let view = multiproc_shm::SharedMemory::anonymous(6)?.raw_view::<u8>(0, &[6])?;
    /// view.copy_from_slice(&[1, 2, 3, 4, 5, 6])?;
    /// let table = view.reshape(&[2, 3])?;
    /// assert_eq!(table.get(&[1, 0]), Some(4));
    /// assert!(table.transpose().reshape(&[6]).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Shape`](ViewError::Shape) for more or fewer elements, [`NotContiguous`](ViewError::NotContiguous),
    /// [`TooLarge`](ViewError::TooLarge) and [`TooManyDims`](ViewError::TooManyDims) for a shape that nothing has.
    #[doc(alias = "ndarray.reshape")]
    pub fn reshape(&self, shape: &[usize]) -> Result<Self, ViewError> {
        if geometry::len_of(shape, size_of::<T>())? != self.len() {
            return Err(ViewError::Shape { expected: self.shape().into(), found: shape.into() });
        }
        if self.is_contiguous() { self.in_c_order(shape) } else { Err(ViewError::NotContiguous) }
    }

    /// The same bytes as elements of another type, so that the last axis gets longer or shorter. Along it the elements must
    /// follow each other without gaps, unless both types are of the same size.
    ///
    /// ```
    /// let bytes = multiproc_shm::SharedMemory::anonymous(16)?.raw_view::<u8>(0, &[2, 8])?;
    /// let words = bytes.cast::<u32>()?;
    /// assert_eq!(words.shape(), [2, 2]);
    /// words.set(&[1, 1], u32::from_ne_bytes(*b"tail"))?;
    /// assert_eq!(bytes.index_axis(0, 1)?.to_vec(), b"\0\0\0\0tail");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`CastLength`](ViewError::CastLength) if an element would begin on the last axis and end elsewhere, or there is no axis,
    /// [`NotContiguous`](ViewError::NotContiguous), [`TooLarge`](ViewError::TooLarge).
    #[doc(alias = "memoryview.cast")]
    #[doc(alias = "ndarray.view")]
    pub fn cast<U: RawElement>(&self) -> Result<RawView<U>, ViewError> {
        let (from, to) = (size_of::<T>(), size_of::<U>());
        let mut shape: Box<[usize]> = self.shape().into();
        let mut strides: Box<[isize]> = self.strides().into();
        if from != to {
            let refused = |len| ViewError::CastLength { from, len, to };
            let (Some(len), Some(stride)) = (shape.last_mut(), strides.last_mut()) else {
                return Err(refused(1));
            };
            if *len > 1 && *stride != from.cast_signed() {
                return Err(ViewError::NotContiguous);
            }
            let bytes = len.checked_mul(from).ok_or(ViewError::TooLarge)?;
            if !bytes.is_multiple_of(to) {
                return Err(refused(*len));
            }
            (*len, *stride) = (bytes / to, to.cast_signed());
        }
        self.with(self.offset(), shape, strides)
    }

    fn len_of(&self, axis: usize) -> Result<usize, ViewError> {
        self.shape().get(axis).copied().ok_or(ViewError::NoAxis { axis, dims: self.ndim() })
    }

    /// Where the view begins if an axis begins at `index`, which it has.
    fn moved(&self, axis: usize, index: usize) -> usize {
        if self.is_empty() {
            return self.offset(); // strides of nothing lead nowhere
        }
        let by = self.strides()[axis].wrapping_mul(index.cast_signed()); // within the memory: nothing wraps
        self.offset().wrapping_add_signed(by)
    }
}

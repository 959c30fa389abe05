//! Many elements at once. `unsafe`: accesses by address, at offsets that the view's own geometry gives.
#![allow(unsafe_code)]

use super::element::RawElement;
use super::error::ViewError;
use super::geometry::Runs;
use super::view::RawView;
use super::words;

impl<T: RawElement> RawView<T> {
    /// Copies the elements, in C order, into a slice of as many.
    ///
    /// Cost: elements without gaps go eight bytes at a time, others one by one.
    ///
    /// ```
    /// let view = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<u16>(0, &[2, 2])?;
    /// view.set(&[1, 0], 7)?;
    /// let mut row = [0; 2];
    /// view.index_axis(0, 1)?.copy_to_slice(&mut row)?;
    /// assert_eq!(row, [7, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Length`](ViewError::Length) for a slice that is longer or shorter; nothing is copied then.
    #[doc(alias = "numpy.copyto")]
    pub fn copy_to_slice(&self, slice: &mut [T]) -> Result<(), ViewError> {
        self.check_length(slice.len())?;
        // SAFETY: as long as the view; exclusively borrowed, so apart from memory that nobody has a reference to.
        unsafe { self.copy_to(slice.as_mut_ptr()) };
        Ok(())
    }

    /// Copies a slice into the elements, in C order.
    ///
    /// Cost: as [`copy_to_slice`](Self::copy_to_slice).
    ///
    /// ```
    /// let view = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<u16>(0, &[2, 2])?;
    /// view.transpose().copy_from_slice(&[1, 2, 3, 4])?;
    /// assert_eq!(view.to_vec(), [1, 3, 2, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Length`](ViewError::Length), [`ReadOnly`](ViewError::ReadOnly); nothing is copied then.
    pub fn copy_from_slice(&self, slice: &[T]) -> Result<(), ViewError> {
        self.check_writable()?;
        self.check_length(slice.len())?;
        let Runs { starts, count, stride } = self.geometry().runs();
        let no_gaps = stride == Self::SIZE;
        for (start, from) in starts.zip(slice.chunks_exact(count)) {
            let to = self.address(start);
            // SAFETY: a run of the view lies in the memory, is writable, and aligned if all are; `from` has as many, and is
            // borrowed, so apart from memory that nobody has a reference to.
            unsafe {
                match (no_gaps, self.is_aligned()) {
                    (true, true) => words::write(from.as_ptr(), to, count),
                    (true, false) => words::write(from.as_ptr().cast(), to.cast::<u8>(), size_of_val(from)),
                    (false, _) => {
                        for (at, value) in from.iter().enumerate() {
                            self.write(stepped(start, stride, at), *value);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// The elements in C order.
    ///
    /// Cost: an allocation, and as [`copy_to_slice`](Self::copy_to_slice). A view with strides of 0 has more elements than its
    /// memory is long: where a stranger has said shape and strides, [`try_to_vec`](Self::try_to_vec) tells that there is no memory for so many,
    /// where this ends the process as every allocation does.
    ///
    /// ```
    /// let view = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<u16>(0, &[2, 2])?;
    /// assert_eq!(view.to_vec(), [0; 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "memoryview.tolist")]
    #[doc(alias = "ndarray.copy")]
    pub fn to_vec(&self) -> Vec<T> {
        self.copy_into(Vec::with_capacity(self.len()))
    }

    /// As [`to_vec`](Self::to_vec), of a view that may be too large for that.
    ///
    /// ```
    /// use multiproc_shm::{SharedMemory, ViewError};
    ///
    /// let view = SharedMemory::anonymous(8)?.raw_view_with::<u64>(0, &[1 << 59], &[0])?; // as a stranger's header may say
    /// assert_eq!(view.try_to_vec(), Err(ViewError::OutOfMemory { elements: 1 << 59 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`](ViewError::OutOfMemory).
    pub fn try_to_vec(&self) -> Result<Vec<T>, ViewError> {
        let mut values = Vec::new();
        let reserved = values.try_reserve_exact(self.len());
        reserved.map_err(|_| ViewError::OutOfMemory { elements: self.len() })?;
        Ok(self.copy_into(values))
    }

    /// `values` is empty and has room for all elements.
    fn copy_into(&self, mut values: Vec<T>) -> Vec<T> {
        assert!(values.capacity() >= self.len());
        // SAFETY: memory of this process's with room for all elements, as was asserted, which are all written.
        unsafe {
            self.copy_to(values.as_mut_ptr());
            values.set_len(self.len());
        }
        values
    }

    /// Writes one value to all elements.
    ///
    /// ```
    /// let view = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<u16>(0, &[2, 2])?;
    /// view.index_axis(1, 0)?.fill(7)?;
    /// assert_eq!(view.to_vec(), [7, 0, 7, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReadOnly`](ViewError::ReadOnly).
    #[doc(alias = "ndarray.fill")]
    pub fn fill(&self, value: T) -> Result<(), ViewError> {
        self.check_writable()?;
        let Runs { starts, count, stride } = self.geometry().runs();
        for start in starts {
            // SAFETY: a run of the view lies in the memory, is writable, and aligned if all are.
            unsafe {
                if stride == Self::SIZE && self.is_aligned() {
                    words::fill(self.address(start), value, count);
                } else {
                    (0..count).for_each(|at| self.write(stepped(start, stride, at), value));
                }
            }
        }
        Ok(())
    }

    /// Copies the elements into another view of the same shape, wherever its elements lie: also if they overlap with these.
    ///
    /// Cost: a copy of the elements in between, which is what makes an overlap harmless.
    ///
    /// ```
    /// let memory = multiproc_shm::SharedMemory::anonymous(8)?;
    /// let view = memory.raw_view::<u8>(0, &[8])?;
    /// view.copy_from_slice(b"overlaps")?;
    /// view.slice_axis(0, 0..6, 1)?.copy_to_view(&view.slice_axis(0, 2..8, 1)?)?;
    /// assert_eq!(view.to_vec(), b"ovoverla");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Shape`](ViewError::Shape) if the shapes differ, [`ReadOnly`](ViewError::ReadOnly) if the other is, [`OutOfMemory`](ViewError::OutOfMemory); nothing is copied then.
    pub fn copy_to_view(&self, other: &Self) -> Result<(), ViewError> {
        other.check_writable()?;
        if self.shape() != other.shape() {
            return Err(ViewError::Shape { expected: self.shape().into(), found: other.shape().into() });
        }
        other.copy_from_slice(&self.try_to_vec()?)
    }

    /// What a stride is where there are no gaps.
    const SIZE: isize = size_of::<T>().cast_signed();

    fn check_length(&self, found: usize) -> Result<(), ViewError> {
        let expected = self.len();
        if found == expected { Ok(()) } else { Err(ViewError::Length { expected, found }) }
    }

    /// # Safety
    ///
    /// `to` has room for all elements, and is this process's own.
    unsafe fn copy_to(&self, mut to: *mut T) {
        let Runs { starts, count, stride } = self.geometry().runs();
        let no_gaps = stride == Self::SIZE;
        for start in starts {
            let from = self.address(start);
            // SAFETY: a run of the view lies in the memory, and is aligned if all are; `to` has room for what is left.
            unsafe {
                match (no_gaps, self.is_aligned()) {
                    (true, true) => words::read(from, to, count),
                    (true, false) => words::read(from.cast::<u8>(), to.cast(), count * size_of::<T>()),
                    (false, _) => {
                        (0..count).for_each(|at| to.add(at).write(self.read(stepped(start, stride, at))));
                    }
                }
                to = to.add(count);
            }
        }
    }
}

/// Where the element `at` of a run begins.
fn stepped(start: usize, stride: isize, at: usize) -> usize {
    start.wrapping_add_signed(stride.wrapping_mul(at.cast_signed())) // within the memory: nothing wraps
}

//! Shared arrays as views of the crate `ndarray`, by the feature of that name.

use multiproc_sync::shm_safe::ShmPlain;
use ndarray::{ArrayRef, ArrayView1, ArrayViewD, ArrayViewMut1, ArrayViewMutD, Dimension};

use super::guards::{ArrayReadGuard, ArrayWriteGuard};
use super::part::{ArrayPart, PartReadGuard};
use super::{AtomicArray, AtomicElement, SharedArray};
use crate::error::ShmError;

/// Of shapes that `ndarray` refuses there are no arrays: `header::lengths` has refused them.
const FITS: &str = "an array has the elements of its shape, in as much memory as there can be";

impl<T: ShmPlain + Send + Sync + Copy> SharedArray<T> {
    /// A copy of an array of the crate `ndarray`, with its shape; in memory its elements lie in the order of their indices.
    ///
    /// ```
    /// use multiproc_shm::SharedArray;
    /// use ndarray::array;
    ///
    /// let shared = SharedArray::from_array(&array![[1, 2, 3], [4, 5, 6]].t())?;
    /// assert_eq!(shared.shape(), [3, 2]);
    /// assert_eq!(shared.to_vec().unwrap(), [1, 4, 2, 5, 3, 6]);
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`with_shape`](SharedArray::with_shape).
    #[doc(alias = "numpy.copyto")]
    pub fn from_array<D: Dimension>(array: &ArrayRef<T, D>) -> Result<Self, ShmError> {
        let mut new = Self::with_shape(array.shape())?;
        match array.as_slice() {
            Some(elements) => new.fill_fresh(0, elements)?,
            None => new.fresh().iter_mut().zip(array).for_each(|(to, from)| *to = *from),
        }
        Ok(new)
    }
}

impl<T> ArrayReadGuard<'_, T> {
    /// The elements with the array's shape.
    ///
    /// ```
    /// let shared = multiproc_shm::SharedArray::<f64>::with_shape(&[2, 3])?;
    /// let held = shared.read().unwrap();
    /// assert_eq!(held.view().row_count(), 2);
    /// # trait Rows { fn row_count(&self) -> usize; }
    /// # impl Rows for ndarray::ArrayViewD<'_, f64> { fn row_count(&self) -> usize { self.shape()[0] } }
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    pub fn view(&self) -> ArrayViewD<'_, T> {
        ArrayViewD::from_shape(self.shape(), self).expect(FITS)
    }
}

impl<T> ArrayWriteGuard<'_, T> {
    /// The elements with the array's shape.
    pub fn view(&self) -> ArrayViewD<'_, T> {
        ArrayViewD::from_shape(self.shape(), self).expect(FITS)
    }

    /// The elements with the array's shape, to write.
    ///
    /// ```
    /// let shared = multiproc_shm::SharedArray::<f64>::with_shape(&[2, 3])?;
    /// shared.write().unwrap().view_mut()[[1, 2]] = 0.5;
    /// assert_eq!(shared.get(5).unwrap(), Some(0.5));
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    pub fn view_mut(&mut self) -> ArrayViewMutD<'_, T> {
        ArrayViewMutD::from_shape(self.shape(), self).expect(FITS)
    }
}

impl<T: AtomicElement> AtomicArray<T> {
    /// The atomics with the array's shape.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let counts = multiproc_shm::SharedArray::<u32>::with_shape(&[2, 3])?.into_atomics()?;
    /// counts.view()[[1, 0]].fetch_add(1, Relaxed);
    /// assert_eq!(counts[3].load(Relaxed), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// In a fork of the process that had the handle.
    pub fn view(&self) -> ArrayViewD<'_, T::Atomic> {
        ArrayViewD::from_shape(self.shape(), self).expect(FITS)
    }
}

impl<T: ShmPlain + Send + Sync> ArrayPart<T> {
    /// The elements, to write; of one dimension, as a part begins and ends anywhere.
    ///
    /// ```
    /// let mut split = multiproc_shm::SharedArray::from_slice(&[1, 2, 3])?.split(2)?;
    /// let mut part = split.take(0)?.unwrap();
    /// part.view_mut().map_inplace(|element| *element *= 2);
    /// assert_eq!(part.read().view().sum(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// As [`as_mut_slice`](Self::as_mut_slice).
    #[track_caller]
    pub fn view_mut(&mut self) -> ArrayViewMut1<'_, T> {
        ArrayViewMut1::from(self.as_mut_slice())
    }
}

impl<T: ShmPlain + Send + Sync> PartReadGuard<'_, T> {
    /// The elements, of one dimension.
    pub fn view(&self) -> ArrayView1<'_, T> {
        ArrayView1::from(&**self)
    }
}

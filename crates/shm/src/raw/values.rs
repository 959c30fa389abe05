//! One element after the other. `unsafe`: accesses at offsets that the view's own geometry gives.
#![allow(unsafe_code)]

use std::iter::FusedIterator;

use super::element::RawElement;
use super::geometry::Offsets;
use super::view::RawView;

/// The elements of a view as they are when it comes to them, in C order: by [`RawView::iter`].
#[derive(Clone, Debug)]
pub struct Values<'v, T: RawElement> {
    view: &'v RawView<T>,
    offsets: Offsets,
}

impl<T: RawElement> RawView<T> {
    /// Goes through the elements in C order, wherever they lie: the last index runs fastest.
    ///
    /// ```
    /// let view = multiproc_shm::SharedMemory::anonymous(16)?.raw_view::<u32>(0, &[2, 2])?;
    /// view.copy_from_slice(&[3, 1, 4, 1])?;
    /// assert_eq!(view.iter().max(), Some(4));
    /// assert!((&view).into_iter().eq([3, 1, 4, 1]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "numpy.nditer")]
    pub fn iter(&self) -> Values<'_, T> {
        Values { view: self, offsets: self.geometry().offsets() }
    }
}

impl<T: RawElement> Iterator for Values<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        // SAFETY: an offset of the view's geometry.
        self.offsets.next().map(|at| unsafe { self.view.read(at) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.offsets.size_hint()
    }
}

impl<T: RawElement> ExactSizeIterator for Values<'_, T> {}
impl<T: RawElement> FusedIterator for Values<'_, T> {}

impl<'v, T: RawElement> IntoIterator for &'v RawView<T> {
    type Item = T;
    type IntoIter = Values<'v, T>;

    fn into_iter(self) -> Values<'v, T> {
        self.iter()
    }
}

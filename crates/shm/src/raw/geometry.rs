//! Where the elements of a view lie, by numbers alone: no memory is touched here.

use super::{MAX_DIMS, ViewError};

/// Shape and strides of a view, which were found to lie within a memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Of the element whose indices are all 0, in bytes.
    start: usize,
    shape: Box<[usize]>,
    strides: Box<[isize]>,
    /// How many elements there are.
    len: usize,
}

impl Geometry {
    /// In C order: the last index runs fastest, without gaps.
    pub(super) fn c_order(
        memory: usize,
        start: usize,
        shape: &[usize],
        size: usize,
    ) -> Result<Self, ViewError> {
        let mut strides = vec![0; shape.len()];
        if shape.len() <= MAX_DIMS {
            len_of(shape, size)?;
            let mut stride = size;
            for (at, len) in strides.iter_mut().zip(shape).rev() {
                *at = stride.cast_signed(); // fits: the whole does
                stride *= (*len).max(1);
            }
        }
        Self::new(memory, start, shape.into(), strides.into(), size)
    }

    /// The one check. `memory`: the length of what the elements, of `size` bytes each, must lie in.
    pub(super) fn new(
        memory: usize,
        start: usize,
        shape: Box<[usize]>,
        strides: Box<[isize]>,
        size: usize,
    ) -> Result<Self, ViewError> {
        let dims = shape.len();
        if dims > MAX_DIMS {
            return Err(ViewError::TooManyDims { dims });
        }
        if strides.len() != dims {
            return Err(ViewError::StridesLength { dims, strides: strides.len() });
        }
        let len = len_of(&shape, size)?;
        // A length is below 2^63 and so is a stride: a product fits. A sum may not, and is out of bounds then.
        let (mut from, mut to) = (start as i128, start as i128);
        if len > 0 {
            to += size as i128;
            for (len, stride) in shape.iter().zip(&strides) {
                let reach = (*len as i128 - 1) * *stride as i128;
                let end = if reach < 0 { &mut from } else { &mut to };
                *end = end.saturating_add(reach);
            }
        }
        if from < 0 || to > memory as i128 {
            return Err(ViewError::OutOfBounds { from, to, len: memory });
        }
        Ok(Self { start, shape, strides, len })
    }

    pub(super) fn start(&self) -> usize {
        self.start
    }

    pub(super) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(super) fn strides(&self) -> &[isize] {
        &self.strides
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Where an element begins; `None` if there is no such element.
    pub(super) fn offset_of(&self, index: &[usize]) -> Option<usize> {
        if index.len() != self.shape.len() {
            return None;
        }
        let mut at = self.start;
        for ((index, len), stride) in index.iter().zip(&self.shape).zip(&self.strides) {
            if index >= len {
                return None;
            }
            // Within the memory after each axis: what is left of the axes is at index 0. Nothing wraps.
            at = at.wrapping_add_signed(index.cast_signed().wrapping_mul(*stride));
        }
        Some(at)
    }

    /// Whether each element is at a multiple of `align`, if the memory begins at one.
    pub(super) fn is_aligned(&self, align: usize) -> bool {
        let steps = self.shape.iter().zip(&self.strides).filter(|(len, _)| **len > 1);
        self.len == 0
            || self.start.is_multiple_of(align)
                && steps.map(|(_, stride)| stride.unsigned_abs()).all(|stride| stride.is_multiple_of(align))
    }

    /// Whether the elements, of `size` bytes, lie in C order without gaps.
    pub(super) fn is_contiguous(&self, size: usize) -> bool {
        let axes = self.axes();
        match *axes {
            [] => true,
            [Axis { stride, .. }] => stride == size.cast_signed(),
            _ => false,
        }
    }

    /// The axes that matter, joined where the next index of one is where the other would go on: with the same elements in the
    /// same order. None for at most one element.
    fn axes(&self) -> Vec<Axis> {
        let mut axes: Vec<Axis> = Vec::with_capacity(self.shape.len());
        if self.len == 0 {
            return axes;
        }
        for (&len, &stride) in self.shape.iter().zip(&self.strides).rev().filter(|(len, _)| **len > 1) {
            match axes.last_mut() {
                Some(inner) if inner.len.cast_signed().checked_mul(inner.stride) == Some(stride) => {
                    inner.len *= len; // at most the number of elements
                }
                _ => axes.push(Axis { len, stride, at: 0 }),
            }
        }
        axes.reverse();
        axes
    }

    /// Where each element begins, in C order.
    pub(super) fn offsets(&self) -> Offsets {
        Offsets { axes: self.axes(), next: self.start, left: self.len }
    }

    /// The same in parts: elements with one stride between them.
    pub(super) fn runs(&self) -> Runs {
        let mut axes = self.axes();
        let (count, stride) = axes.pop().map_or((1, 0), |axis| (axis.len, axis.stride));
        Runs { starts: Offsets { axes, next: self.start, left: self.len / count }, count, stride }
    }
}

/// How many elements, of `size` bytes, a shape has. Empty axes do not excuse the others.
pub(super) fn len_of(shape: &[usize], size: usize) -> Result<usize, ViewError> {
    let most = isize::MAX.unsigned_abs() / size;
    let product = shape.iter().try_fold(1_usize, |product, len| product.checked_mul((*len).max(1)));
    match product {
        Some(product) if product <= most => Ok(if shape.contains(&0) { 0 } else { product }),
        _ => Err(ViewError::TooLarge),
    }
}

#[derive(Clone, Debug)]
struct Axis {
    len: usize,
    stride: isize,
    /// Where on it the next element is.
    at: usize,
}

/// The beginnings of elements, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Offsets {
    axes: Vec<Axis>,
    next: usize,
    left: usize,
}

impl Iterator for Offsets {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let here = self.next;
        for axis in self.axes.iter_mut().rev() {
            if axis.at + 1 < axis.len {
                axis.at += 1;
                self.next = self.next.wrapping_add_signed(axis.stride);
                break;
            }
            let back = axis.at.cast_signed().wrapping_mul(axis.stride);
            self.next = self.next.wrapping_sub(back.cast_unsigned());
            axis.at = 0;
        }
        Some(here)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

/// Elements in parts: `count` of them from each start on, `stride` bytes from one to the next.
#[derive(Clone, Debug)]
pub(super) struct Runs {
    pub(super) starts: Offsets,
    pub(super) count: usize,
    pub(super) stride: isize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry(
        memory: usize,
        start: usize,
        shape: &[usize],
        strides: &[isize],
    ) -> Result<Geometry, ViewError> {
        Geometry::new(memory, start, shape.into(), strides.into(), 4)
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_just_fits_is_not() {
        assert!(geometry(4, 0, &[], &[]).is_ok(), "no dimension: one element");
        assert!(matches!(geometry(4, 1, &[], &[]), Err(ViewError::OutOfBounds { from: 1, to: 5, len: 4 })));
        assert!(geometry(12, 0, &[3], &[4]).is_ok());
        assert!(geometry(11, 0, &[3], &[4]).is_err());
        assert!(geometry(12, 8, &[3], &[-4]).is_ok());
        assert!(matches!(geometry(12, 7, &[3], &[-4]), Err(ViewError::OutOfBounds { from: -1, to: 11, .. })));
        assert!(geometry(12, 9, &[3], &[-4]).is_err(), "its first element is behind the end");
        assert!(geometry(12, 12, &[0], &[isize::MIN]).is_ok(), "nothing of it is ever reached");
        assert!(geometry(12, 13, &[0], &[4]).is_err());
        assert!(geometry(4, 0, &[1], &[isize::MIN]).is_ok(), "nor is the second of one");
        assert!(geometry(12, 0, &[usize::MAX / 8], &[0]).is_ok(), "one element, seen again and again");
    }

    #[test]
    fn no_number_wraps() {
        let most = isize::MAX.unsigned_abs();
        for shape in [&[usize::MAX][..], &[most], &[most / 4 + 1], &[1 << 32, 1 << 32], &[0, usize::MAX, 2]] {
            let strides = vec![0; shape.len()];
            assert_eq!(geometry(64, 0, shape, &strides).unwrap_err(), ViewError::TooLarge, "{shape:?}");
            assert_eq!(Geometry::c_order(64, 0, shape, 4).unwrap_err(), ViewError::TooLarge);
        }
        for stride in [isize::MIN, isize::MAX, isize::MIN + 1] {
            for start in [0, 60, usize::MAX] {
                let error = geometry(64, start, &[2], &[stride]).unwrap_err();
                assert!(matches!(error, ViewError::OutOfBounds { .. }), "{error}");
                let many = vec![2; MAX_DIMS];
                assert!(geometry(64, start, &many, &vec![stride; MAX_DIMS]).is_err());
            }
        }
        assert!(geometry(64, 0, &[most / 4, 1], &[isize::MIN, isize::MIN]).is_err());
        assert!(geometry(64, 0, &[2, 2], &[isize::MIN, isize::MAX]).is_err(), "they do not cancel out");
    }

    #[test]
    fn dimensions_are_counted() {
        let dims = MAX_DIMS + 1;
        assert_eq!(Geometry::c_order(64, 0, &vec![1; dims], 4), Err(ViewError::TooManyDims { dims }));
        assert!(Geometry::c_order(64, 0, &[1; MAX_DIMS], 4).is_ok());
        assert_eq!(geometry(64, 0, &[1], &[]), Err(ViewError::StridesLength { dims: 1, strides: 0 }));
    }

    #[test]
    fn axes_are_joined_where_they_continue() {
        let whole = Geometry::c_order(1000, 0, &[2, 1, 3, 4], 4).unwrap();
        assert_eq!(whole.strides(), [48, 48, 16, 4]);
        assert_eq!((whole.runs().count, whole.runs().stride), (24, 4));
        assert!(whole.is_contiguous(4));
        let columns = geometry(1000, 0, &[3, 2], &[4, 12]).unwrap();
        assert!(!columns.is_contiguous(4));
        assert_eq!(columns.offsets().collect::<Vec<_>>(), [0, 12, 4, 16, 8, 20]);
        let backwards = geometry(1000, 20, &[2, 3], &[-12, -4]).unwrap();
        assert_eq!((backwards.runs().count, backwards.runs().stride), (6, -4));
        assert_eq!(backwards.offsets().collect::<Vec<_>>(), [20, 16, 12, 8, 4, 0]);
        assert_eq!(geometry(4, 0, &[0, 9], &[4, 4]).unwrap().offsets().count(), 0);
        assert_eq!(geometry(4, 0, &[0, 9], &[4, 4]).unwrap().runs().starts.count(), 0);
    }
}

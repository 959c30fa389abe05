//! Why a view is refused, or an element not reached.

use thiserror::Error;

use super::MAX_DIMS;

/// Why there is no such view, or why it does not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The shape has more dimensions than [`MAX_DIMS`].
    #[error("{dims} dimensions, and {most} is the most: join some of them", most = MAX_DIMS)]
    TooManyDims {
        /// Of the shape.
        dims: usize,
    },
    /// There is not one stride for each dimension.
    #[error("{strides} strides for {dims} dimensions: give one for each, in bytes")]
    StridesLength {
        /// Of the shape.
        dims: usize,
        /// How many strides were given.
        strides: usize,
    },
    /// The lengths of the dimensions, multiplied, are more than memory can be long. Dimensions of length 0 count as 1.
    #[error("the lengths of the dimensions, multiplied, are beyond every memory: look at the shape")]
    TooLarge,
    /// Some elements would lie before the memory's beginning or behind its end.
    #[error(
        "the view reaches from byte {from} to byte {to}, and the memory has the bytes 0 to {len}: look at offset, shape and strides"
    )]
    OutOfBounds {
        /// The first byte of the view.
        from: i128,
        /// The byte behind its last.
        to: i128,
        /// Of the memory, in bytes.
        len: usize,
    },
    /// There is no such element.
    #[error("no element {index:?} in a view of shape {shape:?}")]
    NoElement {
        /// What was asked for.
        index: Box<[usize]>,
        /// What there is.
        shape: Box<[usize]>,
    },
    /// There is no such dimension.
    #[error("no axis {axis} in a view of {dims} dimensions: the first is 0")]
    NoAxis {
        /// What was asked for.
        axis: usize,
        /// What there are.
        dims: usize,
    },
    /// A part of an axis was asked for that it does not have.
    #[error("no range {start}..{end} in axis {axis}, which has {len} elements")]
    NoRange {
        /// The axis.
        axis: usize,
        /// Where the range begins.
        start: usize,
        /// Where it ends.
        end: usize,
        /// How long the axis is.
        len: usize,
    },
    /// A slice with steps of 0.
    #[error("a step of 0 takes the same element for ever: 1 takes each, -1 each from the last on")]
    ZeroStep,
    /// A slice of another length than the view.
    #[error("the view has {expected} elements, the slice {found}: both must have as many")]
    Length {
        /// Of the view.
        expected: usize,
        /// Of the slice.
        found: usize,
    },
    /// A shape that does not go with that of the view.
    #[error("a view of shape {expected:?} does not go with the shape {found:?}")]
    Shape {
        /// Of the view.
        expected: Box<[usize]>,
        /// The other one.
        found: Box<[usize]>,
    },
    /// The last axis has no length in elements of the other type.
    #[error(
        "elements of {from} bytes along the last axis, {len} of them, are no whole number of elements of {to} bytes"
    )]
    CastLength {
        /// Of an element of the view, in bytes.
        from: usize,
        /// How many lie along the last axis; 1 where there is no axis.
        len: usize,
        /// Of an element of the other type, in bytes.
        to: usize,
    },
    /// Elements that must follow each other without gaps, in the order of their indices, do not.
    #[error(
        "the elements do not lie one behind the other: copy them by `to_vec`, or go through them one by one"
    )]
    NotContiguous,
    /// The elements do not lie at multiples of their size, so that none of them is read or written as a whole.
    #[error(
        "an element of {align} bytes is not at a multiple of {align}: the view begins at byte {offset}, look at it and at the strides. \
         `get`, `set` and copies work, byte by byte"
    )]
    Misaligned {
        /// Where the view begins, in bytes from the memory's beginning.
        offset: usize,
        /// Of what it should be a multiple.
        align: usize,
    },
    /// There is no memory for a copy of so many elements: a view with strides of 0 has more than its memory is long.
    #[error("no memory for a copy of {elements} elements: copy parts of the view")]
    OutOfMemory {
        /// Of the view.
        elements: usize,
    },
    /// The view, or its memory, is for reading only.
    #[error("for reading only: open the memory for writing, and take no `read_only` view of it")]
    ReadOnly,
}

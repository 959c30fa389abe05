//! Typed, n-dimensional access to memory that strangers read and write: other builds, CPython, numpy.

mod atomics;
mod copies;
mod element;
mod error;
mod geometry;
mod parts;
mod slices;
mod values;
mod view;
mod words;

pub(crate) use self::element::Access;
pub use self::element::{RawElement, RawInteger};
pub use self::error::ViewError;
pub use self::values::Values;
pub use self::view::RawView;

/// The most dimensions of a [`RawView`], as in numpy 1 (numpy 2 has 64).
///
/// ```
/// use multiproc_shm::{MAX_DIMS, SharedMemory, ViewError};
/// let memory = SharedMemory::anonymous(8)?;
/// assert!(memory.raw_view::<u8>(0, &[1; MAX_DIMS]).is_ok());
/// let error = memory.raw_view::<u8>(0, &[1; MAX_DIMS + 1]).unwrap_err();
/// assert_eq!(error, ViewError::TooManyDims { dims: 33 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub const MAX_DIMS: usize = 32;

//! `RawView`: a memory, what lies where in it, and single elements. `unsafe`: accesses by address, at offsets that were checked.
#![allow(unsafe_code)]

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::Relaxed;

use super::element::RawElement;
use super::error::ViewError;
use super::geometry::Geometry;
use crate::memory::SharedMemory;

/// Numbers in memory that anybody may write at any time: an array of another program, of CPython or numpy, or of a file.
///
/// Elements are read and written as values, one by one or many at once, and never lent: nothing that a stranger does to the
/// memory breaks this program. The view owns a share of the mapping, borrows nothing, and may go to other threads; a clone is
/// the same elements.
///
/// # What is promised
///
/// - Nothing outside the elements is ever touched. Offset, shape and strides are checked when the view is made, and an index
///   when it is used.
/// - An element that lies at a multiple of its size ([`is_aligned`](Self::is_aligned)) is read and written whole, by all
///   methods. So it is never half of one value and half of another, if all who write there store it whole, as views of its type do;
///   CPython's `struct.pack_into` writes zeros first. Elsewhere each byte is on its own.
/// - Copies and iterators take one element after the other: what others write meanwhile may be in them or not. Nothing orders
///   them with what other processes do; the [atomic operations](Self::load) do if asked to.
/// - Views of different element types, of which some write to the same bytes at the same time: each byte is one that was written.
///
/// What this does not protect from is a file that somebody cuts short, or one with holes, as CPython makes it, where `/dev/shm` is full: the
/// kernel ends a process that touches what cannot be had, also by a read. [`read_at`](SharedMemory::read_at) copies without that danger, and
/// [`reserve`](SharedMemory::reserve) fills holes.
///
/// # Death
///
/// Whoever dies leaves what it has written so far. There is no lock, and nothing to clean up. In a fork of this process the
/// view works as any other.
///
/// # Cost
///
/// Making one, or a part of one: allocations for shape and strides. An element: the check of its index and one load or store.
///
/// # Examples
///
/// As `numpy.ndarray((2, 3), numpy.float64, buffer=memory.buf, offset=64)` has it:
///
/// ```
/// use multiproc_shm::SharedMemory;
///
/// let memory = SharedMemory::anonymous(4096)?;
/// let table = memory.raw_view::<f64>(64, &[2, 3])?;
/// table.set(&[1, 2], 0.5)?;
/// assert_eq!(table.get(&[1, 2]), Some(0.5));
/// assert_eq!(table.get(&[2, 0]), None);
///
/// let row = table.index_axis(0, 1)?;
/// assert_eq!(row.to_vec(), [0.0, 0.0, 0.5]);
/// row.copy_from_slice(&[1.0, 2.0, 3.0])?;
/// assert_eq!(table.transpose().to_vec(), [0.0, 1.0, 0.0, 2.0, 0.0, 3.0]);
/// assert_eq!(table.iter().sum::<f64>(), 6.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What does not compile
///
/// Elements of which some bytes are none, which a stranger may have written:
///
/// ```compile_fail,E0277
/// # use multiproc_shm::RawView;
/// fn flags(view: &RawView<bool>) {}
/// ```
///
/// Locks, which are for those who trust each other; [`Shared`](crate::Shared) has them:
///
/// ```compile_fail,E0277
/// # use multiproc_shm::RawView;
/// fn locks(view: &RawView<multiproc_sync::Mutex<u8>>) {}
/// ```
#[doc(alias = "memoryview")]
#[doc(alias = "numpy.ndarray")]
#[doc(alias = "numpy.frombuffer")]
#[derive(Clone)]
pub struct RawView<T: RawElement> {
    memory: SharedMemory,
    geometry: Geometry,
    aligned: bool,
    writable: bool,
    element: PhantomData<T>,
}

impl SharedMemory {
    /// A view of elements in C order: those whose last indices differ by one are neighbours. `offset` is that of the first, in bytes;
    /// `&[]` is the shape of a single number.
    ///
    /// Alignment is not asked for, see [`RawView::is_aligned`].
    ///
    /// ```
    /// let memory = multiproc_shm::SharedMemory::anonymous(100)?;
    /// let view = memory.raw_view::<u32>(4, &[2, 3])?;
    /// assert_eq!(view.strides(), [12, 4]);
    /// let error = memory.raw_view::<u32>(80, &[2, 3]).unwrap_err();
    /// assert!(error.to_string().starts_with("the view reaches from byte 80 to byte 104"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutOfBounds`](ViewError::OutOfBounds) if an element would be outside this memory,
    /// [`TooLarge`](ViewError::TooLarge) or [`TooManyDims`](ViewError::TooManyDims) for a shape that nothing has.
    #[doc(alias = "memoryview")]
    #[doc(alias = "numpy.ndarray")]
    pub fn raw_view<T: RawElement>(&self, offset: usize, shape: &[usize]) -> Result<RawView<T>, ViewError> {
        let geometry = Geometry::c_order(self.len(), offset, shape, size_of::<T>())?;
        Ok(RawView::new(self.clone(), geometry, self.is_writable()))
    }

    /// As [`raw_view`](Self::raw_view), where the elements lie otherwise: in the order of Fortran, with gaps, from the last to
    /// the first. A stride is what it takes to the next index of its axis, in bytes, as in numpy's `ndarray.strides`.
    ///
    /// Elements may overlap, and with a stride of 0 be the same. What is written to such ones together comes in no order.
    ///
    /// ```
    /// let memory = multiproc_shm::SharedMemory::anonymous(24)?;
    /// memory.raw_view::<u32>(0, &[6])?.copy_from_slice(&[0, 1, 2, 3, 4, 5])?;
    /// let columns = memory.raw_view_with::<u32>(0, &[2, 3], &[4, 8])?; // order="F"
    /// assert_eq!(columns.to_vec(), [0, 2, 4, 1, 3, 5]);
    /// let reversed = memory.raw_view_with::<u32>(20, &[6], &[-4])?; // [::-1]
    /// assert_eq!(reversed.to_vec(), [5, 4, 3, 2, 1, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`raw_view`](Self::raw_view); [`StridesLength`](ViewError::StridesLength) if there is not one for each dimension.
    #[doc(alias = "numpy.lib.stride_tricks.as_strided")]
    pub fn raw_view_with<T: RawElement>(
        &self,
        offset: usize,
        shape: &[usize],
        strides_in_bytes: &[isize],
    ) -> Result<RawView<T>, ViewError> {
        let (shape, strides) = (shape.into(), strides_in_bytes.into());
        let geometry = Geometry::new(self.len(), offset, shape, strides, size_of::<T>())?;
        Ok(RawView::new(self.clone(), geometry, self.is_writable()))
    }
}

impl<T: RawElement> RawView<T> {
    /// `geometry` was found to lie in `memory` with elements of this size.
    fn new(memory: SharedMemory, geometry: Geometry, writable: bool) -> Self {
        // A mapping begins at a page, so that offsets tell.
        let aligned = geometry.is_aligned(size_of::<T>());
        Self { memory, geometry, aligned, writable, element: PhantomData }
    }

    /// Other elements of the same memory.
    pub(super) fn with<U: RawElement>(
        &self,
        start: usize,
        shape: Box<[usize]>,
        strides: Box<[isize]>,
    ) -> Result<RawView<U>, ViewError> {
        let geometry = Geometry::new(self.memory.len(), start, shape, strides, size_of::<U>())?;
        Ok(RawView::new(self.memory.clone(), geometry, self.writable))
    }

    /// The same memory from the same place on, in C order.
    pub(super) fn in_c_order(&self, shape: &[usize]) -> Result<Self, ViewError> {
        let geometry = Geometry::c_order(self.memory.len(), self.offset(), shape, size_of::<T>())?;
        Ok(Self::new(self.memory.clone(), geometry, self.writable))
    }

    /// The same elements, for reading only: every write through it, and through parts of it, is
    /// [`ReadOnly`](ViewError::ReadOnly). Others may still write.
    ///
    /// ```
    /// use multiproc_shm::{SharedMemory, ViewError};
    /// let view = SharedMemory::anonymous(8)?.raw_view::<u64>(0, &[])?;
    /// let shown = view.read_only();
    /// assert_eq!(shown.set(&[], 1), Err(ViewError::ReadOnly));
    /// view.set(&[], 1)?;
    /// assert_eq!(shown.get(&[]), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "memoryview.toreadonly")]
    #[must_use]
    pub fn read_only(&self) -> Self {
        Self { writable: false, ..self.clone() }
    }

    /// The element at an index, which has a number for each dimension; `None` if there is no such element.
    ///
    /// Cost: the check, and one load. For many elements in order, [`iter`](Self::iter) and [`to_vec`](Self::to_vec) are cheaper.
    ///
    /// ```
    /// let view = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<i32>(0, &[2])?;
    /// view.set(&[1], -7)?;
    /// assert_eq!((view.get(&[1]), view.get(&[2]), view.get(&[0, 0])), (Some(-7), None, None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "__getitem__")]
    pub fn get(&self, index: &[usize]) -> Option<T> {
        // SAFETY: where an element begins.
        self.geometry.offset_of(index).map(|at| unsafe { self.read(at) })
    }

    /// Writes an element.
    ///
    /// ```
    /// use multiproc_shm::{SharedMemory, ViewError};
    /// let view = SharedMemory::anonymous(8)?.raw_view::<i32>(0, &[2])?;
    /// view.set(&[0], 7)?;
    /// let error = view.set(&[2], 7).unwrap_err();
    /// assert_eq!(error.to_string(), "no element [2] in a view of shape [2]");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoElement`](ViewError::NoElement), [`ReadOnly`](ViewError::ReadOnly).
    #[doc(alias = "__setitem__")]
    pub fn set(&self, index: &[usize], value: T) -> Result<(), ViewError> {
        self.check_writable()?;
        let at = self.offset_of(index)?;
        // SAFETY: where an element begins, and checked to be writable.
        unsafe { self.write(at, value) };
        Ok(())
    }

    pub(super) fn offset_of(&self, index: &[usize]) -> Result<usize, ViewError> {
        let none = || ViewError::NoElement { index: index.into(), shape: self.shape().into() };
        self.geometry.offset_of(index).ok_or_else(none)
    }

    pub(super) fn check_writable(&self) -> Result<(), ViewError> {
        if self.writable { Ok(()) } else { Err(ViewError::ReadOnly) }
    }

    pub(super) fn check_aligned(&self) -> Result<(), ViewError> {
        let misaligned = ViewError::Misaligned { offset: self.offset(), align: size_of::<T>() };
        if self.aligned { Ok(()) } else { Err(misaligned) }
    }

    pub(super) fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The address of an offset in the memory. Good for accesses as long as `self` lives.
    pub(super) fn address(&self, offset: usize) -> *mut T {
        self.memory.as_ptr().wrapping_add(offset).cast()
    }

    /// # Safety
    ///
    /// An element of this view begins at `offset`.
    #[inline]
    pub(super) unsafe fn read(&self, offset: usize) -> T {
        let at = self.address(offset);
        // SAFETY: all bytes of the element are mapped, as it was checked to lie in the memory, which `self` keeps; aligned if
        // all of the view's are. Nobody has references there: those of `as_slice` forbid it.
        unsafe { if self.aligned { T::load(at, Relaxed) } else { T::load_bytes(at) } }
    }

    /// # Safety
    ///
    /// An element of this view begins at `offset`, and it is [writable](Self::check_writable).
    #[inline]
    pub(super) unsafe fn write(&self, offset: usize, value: T) {
        let at = self.address(offset);
        // SAFETY: as in `read`; mapped for writing, says the caller.
        unsafe { if self.aligned { T::store(at, value, Relaxed) } else { T::store_bytes(at, value) } }
    }

    /// The lengths of the dimensions, in elements.
    #[doc(alias = "ndarray.shape")]
    pub fn shape(&self) -> &[usize] {
        self.geometry.shape()
    }

    /// What it takes to the next index of each dimension, in bytes.
    #[doc(alias = "ndarray.strides")]
    pub fn strides(&self) -> &[isize] {
        self.geometry.strides()
    }

    /// How many elements there are.
    #[doc(alias = "ndarray.size")]
    pub fn len(&self) -> usize {
        self.geometry.len()
    }

    /// Whether there is no element: some dimension has length 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many dimensions there are, 0 for a single number.
    pub fn ndim(&self) -> usize {
        self.shape().len()
    }

    /// Where the element whose indices are all 0 begins, in bytes from the memory's beginning.
    pub fn offset(&self) -> usize {
        self.geometry.start()
    }

    /// Whether all elements are at multiples of their size. Then each is read and written as a whole, and faster; the atomic
    /// operations and slices are for such views only.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// use multiproc_shm::{SharedMemory, ViewError};
    /// let memory = SharedMemory::anonymous(16)?;
    /// let packed = memory.raw_view::<u32>(3, &[2])?; // behind a header of 3 bytes, say
    /// assert!(!packed.is_aligned());
    /// packed.set(&[1], 7)?;
    /// assert_eq!(packed.to_vec(), [0, 7]);
    /// assert_eq!(packed.load(&[1], Relaxed), Err(ViewError::Misaligned { offset: 3, align: 4 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "ndarray.flags.aligned")]
    pub fn is_aligned(&self) -> bool {
        self.aligned
    }

    /// Whether the elements lie one behind the other, in C order and without gaps. A view of no elements does.
    #[doc(alias = "ndarray.flags.c_contiguous")]
    pub fn is_contiguous(&self) -> bool {
        self.geometry.is_contiguous(size_of::<T>())
    }

    /// Whether elements can be written through this view.
    #[doc(alias = "memoryview.readonly")]
    #[doc(alias = "ndarray.flags.writeable")]
    pub fn is_writable(&self) -> bool {
        self.writable
    }
}

impl<T: RawElement> fmt::Debug for RawView<T> {
    /// Where the elements are, not what: that may change while it is written, and be long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawView")
            .field("element", &format_args!("{}", T::NAME))
            .field("offset", &self.offset())
            .field("shape", &self.shape())
            .field("strides", &self.strides())
            .field("writable", &self.writable)
            .finish_non_exhaustive()
    }
}

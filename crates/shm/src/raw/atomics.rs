//! Single elements with an ordering, and in one step also towards other processes. `unsafe`: accesses by address, at offsets
//! that were checked.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering::{self, Acquire, Relaxed, SeqCst};
use std::sync::atomic::fence;

use super::element::{RawElement, RawInteger};
use super::error::ViewError;
use super::view::RawView;

/// # Atomic operations
///
/// They are atomic towards everybody who maps the memory, in this process and in others, who use accesses of the same width.
/// All of them are errors in a view that is not [aligned](Self::is_aligned).
impl<T: RawElement> RawView<T> {
    /// Reads an element; with `Acquire`, what its writer did before it stored the value `Release` is seen from then on.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::{Acquire, Release};
    /// let memory = multiproc_shm::SharedMemory::anonymous(64)?;
    /// let (ready, data) = (memory.raw_view::<u32>(0, &[])?, memory.raw_view::<f64>(8, &[4])?);
    /// let (theirs, result) = (ready.clone(), data.clone()); // in another process, say
    /// let writer = std::thread::spawn(move || {
    ///     result.fill(0.5).unwrap();
    ///     theirs.store(&[], 1, Release).unwrap();
    /// });
    /// while ready.load(&[], Acquire)? == 0 {
    ///     std::thread::yield_now();
    /// }
    /// assert_eq!(data.to_vec(), [0.5; 4]);
    /// # writer.join().unwrap();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoElement`](ViewError::NoElement), [`Misaligned`](ViewError::Misaligned).
    ///
    /// # Panics
    ///
    /// For an order that loads do not have, as [`AtomicU64::load`](std::sync::atomic::AtomicU64::load).
    pub fn load(&self, index: &[usize], order: Ordering) -> Result<T, ViewError> {
        self.check_aligned()?;
        let at = self.address(self.offset_of(index)?);
        // In memory that is mapped for reading, only relaxed loads are sure to be nothing but loads.
        let fenced = !self.is_writable() && matches!(order, Acquire | SeqCst);
        if fenced && order == SeqCst {
            fence(SeqCst); // so that the load has its place in the one order of all
        }
        // SAFETY: an aligned element of the view; `Relaxed` unless it is writable, or else a panic.
        let value = unsafe { T::load(at, if fenced { Relaxed } else { order }) };
        if fenced {
            fence(order); // with whoever stores it `Release`
        }
        Ok(value)
    }

    /// Writes an element; with `Release`, who loads the value `Acquire` sees what was done before.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::{Acquire, Release};
    /// let view = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<i64>(0, &[])?;
    /// view.store(&[], -1, Release)?;
    /// assert_eq!(view.load(&[], Acquire)?, -1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoElement`](ViewError::NoElement), [`Misaligned`](ViewError::Misaligned), [`ReadOnly`](ViewError::ReadOnly).
    ///
    /// # Panics
    ///
    /// For an order that stores do not have, as [`AtomicU64::store`](std::sync::atomic::AtomicU64::store).
    pub fn store(&self, index: &[usize], value: T, order: Ordering) -> Result<(), ViewError> {
        let at = self.to_change(index)?;
        // SAFETY: a writable and aligned element of the view.
        unsafe { T::store(at, value, order) };
        Ok(())
    }

    /// Writes an element and gives what was there, in one step.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::AcqRel;
    /// let view = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<f32>(0, &[2])?;
    /// view.set(&[1], 0.5)?;
    /// assert_eq!(view.swap(&[1], 2.0, AcqRel)?, 0.5);
    /// assert_eq!(view.get(&[1]), Some(2.0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`store`](Self::store).
    pub fn swap(&self, index: &[usize], value: T, order: Ordering) -> Result<T, ViewError> {
        let at = self.to_change(index)?;
        // SAFETY: a writable and aligned element of the view.
        Ok(unsafe { T::swap(at, value, order) })
    }

    /// Writes `new` if `current` is there, in one step. `Ok` with what was there if so, the inner `Err` with it if not.
    ///
    /// It is the bits that are compared: a NaN is equal to the same NaN, and 0.0 is not -0.0.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::{AcqRel, Acquire};
    /// let view = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<u32>(0, &[])?;
    /// assert_eq!(view.compare_exchange(&[], 0, 7, AcqRel, Acquire)?, Ok(0));
    /// assert_eq!(view.compare_exchange(&[], 0, 8, AcqRel, Acquire)?, Err(7));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`store`](Self::store).
    ///
    /// # Panics
    ///
    /// For an order of failure that loads do not have.
    pub fn compare_exchange(
        &self,
        index: &[usize],
        current: T,
        new: T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<Result<T, T>, ViewError> {
        let at = self.to_change(index)?;
        // SAFETY: a writable and aligned element of the view.
        Ok(unsafe { T::compare_exchange(at, current, new, success, failure) })
    }

    /// The address of an element that is to be written in one step.
    fn to_change(&self, index: &[usize]) -> Result<*mut T, ViewError> {
        self.check_writable()?;
        self.check_aligned()?;
        Ok(self.address(self.offset_of(index)?))
    }
}

/// The operations on integers: each gives what was there before, and wraps.
macro_rules! operations {
    ($($(#[$doc:meta])* $operation:ident)*) => {
        impl<T: RawInteger> RawView<T> {$(
            $(#[$doc])*
            ///
            /// # Errors
            ///
            /// As [`store`](Self::store).
            pub fn $operation(&self, index: &[usize], value: T, order: Ordering) -> Result<T, ViewError> {
                let at = self.to_change(index)?;
                // SAFETY: a writable and aligned element of the view.
                Ok(unsafe { T::$operation(at, value, order) })
            }
        )*}
    };
}

operations! {
    /// Adds to an element, in one step, and gives what was there before. Sums wrap.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let hits = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<u8>(0, &[3])?;
    /// assert_eq!(hits.fetch_add(&[2], 255, Relaxed)?, 0);
    /// assert_eq!(hits.fetch_add(&[2], 2, Relaxed)?, 255);
    /// assert_eq!(hits.to_vec(), [0, 0, 1]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fetch_add

    /// Subtracts from an element, in one step, and gives what was there before. Differences wrap.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let left = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<i16>(0, &[])?;
    /// assert_eq!(left.fetch_sub(&[], 2, Relaxed)?, 0);
    /// assert_eq!(left.get(&[]), Some(-2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fetch_sub

    /// Keeps those bits of an element that `value` has too, in one step, and gives what was there before.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let flags = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<u32>(0, &[])?;
    /// flags.set(&[], 0b1100)?;
    /// assert_eq!(flags.fetch_and(&[], 0b0110, Relaxed)?, 0b1100);
    /// assert_eq!(flags.get(&[]), Some(0b0100));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fetch_and

    /// Sets those bits of an element that `value` has, in one step, and gives what was there before.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let flags = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<u32>(0, &[])?;
    /// flags.fetch_or(&[], 0b01, Relaxed)?;
    /// assert_eq!(flags.fetch_or(&[], 0b11, Relaxed)?, 0b01);
    /// assert_eq!(flags.get(&[]), Some(0b11));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fetch_or

    /// Turns those bits of an element that `value` has, in one step, and gives what was there before.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let flags = multiproc_shm::SharedMemory::anonymous(8)?.raw_view::<u32>(0, &[])?;
    /// flags.fetch_xor(&[], 0b01, Relaxed)?;
    /// assert_eq!(flags.fetch_xor(&[], 0b11, Relaxed)?, 0b01);
    /// assert_eq!(flags.get(&[]), Some(0b10));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    fetch_xor
}

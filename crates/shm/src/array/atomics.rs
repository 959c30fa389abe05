//! `AtomicArray`: an array whose elements are atomics. `unsafe`: takes elements for atomics.
#![allow(unsafe_code)]

use std::fmt;
use std::ops::Deref;
use std::sync::atomic;

use multiproc_sync::shm_safe::ShmPlain;

use super::body::Body;
use super::header::ArrayMode;
use super::{ModeError, SharedArray};

/// Integers of which there are atomics. Nobody else can implement it.
///
/// ```
/// use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
/// use multiproc_shm::{AtomicArray, AtomicElement};
///
/// fn total<T: AtomicElement<Atomic = AtomicI32>>(counts: &AtomicArray<T>) -> i32 {
///     counts.iter().map(|count| count.load(Relaxed)).sum()
/// }
/// # let counts = multiproc_shm::SharedArray::from_slice(&[1, 2])?.into_atomics().unwrap();
/// # assert_eq!(total(&counts), 3);
/// # Ok::<(), multiproc_shm::ShmError>(())
/// ```
pub trait AtomicElement: ShmPlain + Copy + Send + Sync + sealed::Sealed {
    /// The atomic of the same size.
    type Atomic: Send + Sync + fmt::Debug + 'static;
}

mod sealed {
    /// Promises that the atomic has the size and the alignment of the integer at most.
    pub trait Sealed {}
}

macro_rules! elements {
    ($($integer:ident $atomic:ident,)*) => {$(
        impl sealed::Sealed for $integer {}

        impl AtomicElement for $integer {
            type Atomic = atomic::$atomic;
        }

        const _: () = assert!(
            size_of::<$integer>() == size_of::<atomic::$atomic>()
                && align_of::<$integer>() == align_of::<atomic::$atomic>()
        );
    )*};
}

elements! {
    u8 AtomicU8,
    u16 AtomicU16,
    u32 AtomicU32,
    u64 AtomicU64,
    usize AtomicUsize,
    i8 AtomicI8,
    i16 AtomicI16,
    i32 AtomicI32,
    i64 AtomicI64,
    isize AtomicIsize,
}

/// The elements of a [`SharedArray`] as atomics, for everybody who has a handle, at any time and without a lock.
///
/// It is made by [`SharedArray::into_atomics`], sent and cloned as that is, and derefs to the atomics:
///
/// ```
/// use std::sync::atomic::Ordering::Relaxed;
/// use multiproc_shm::SharedArray;
///
/// let histogram = SharedArray::<u32>::zeroed(10)?.into_atomics()?;
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         let theirs = histogram.clone(); // or sent to another process
///         scope.spawn(move || (0..100).for_each(|n| _ = theirs[n % 10].fetch_add(1, Relaxed)));
///     }
/// });
/// assert!(histogram.iter().all(|count| count.load(Relaxed) == 20));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Death
///
/// A process that dies leaves each element as it was before an operation or after it. The memory is gone with the last handle, as that of a
/// [`SharedArray`].
///
/// # Panics
///
/// To deref it in a fork of the process that had it: nobody counts the fork among the holders. A handle that was sent to the fork works
/// there.
///
/// # What does not compile
///
/// ```compile_fail,E0599
/// multiproc_shm::SharedArray::<f64>::zeroed(4).unwrap().into_atomics(); // floats have no atomics
/// ```
///
/// ```compile_fail,E0505
/// let array = multiproc_shm::SharedArray::<u64>::zeroed(4).unwrap().into_atomics().unwrap();
/// let first = &array[0];
/// let locked = array.into_locked();
/// first.load(std::sync::atomic::Ordering::Relaxed);
/// ```
pub struct AtomicArray<T> {
    body: Body<T>,
}

impl<T> AtomicArray<T> {
    /// Of an array in atomic mode.
    pub(super) fn of(body: Body<T>) -> Self {
        Self { body }
    }

    pub(super) fn body(&self) -> &Body<T> {
        &self.body
    }

    /// The length of each dimension.
    pub fn shape(&self) -> &[usize] {
        self.body.shape()
    }
}

impl<T: AtomicElement> AtomicArray<T> {
    /// Has the elements be behind their lock again.
    ///
    /// # Errors
    ///
    /// [`ModeError`], with the array: unless this is the only handle of all processes, messages under way included.
    pub fn into_locked(self) -> Result<SharedArray<T>, ModeError<Self>> {
        let changed = self.body.into_mode(ArrayMode::Locked, |_| {});
        changed.map(|body| SharedArray { body }).map_err(|error| error.map(Self::of))
    }
}

impl<T: AtomicElement> Deref for AtomicArray<T> {
    type Target = [T::Atomic];

    fn deref(&self) -> &[T::Atomic] {
        assert!(self.body.holding().is_ours(), "{}", crate::ShmError::Forked);
        let elements = self.body.elements();
        // SAFETY: mapped as long as `self`, in atomic mode, so that all accesses are atomic; an atomic is laid out as its integer.
        unsafe { std::slice::from_raw_parts(elements.cast::<T::Atomic>().as_ptr(), elements.len()) }
    }
}

/// Another handle to the same elements.
impl<T> Clone for AtomicArray<T> {
    fn clone(&self) -> Self {
        Self { body: self.body.clone() }
    }
}

/// It shows no elements.
impl<T> fmt::Debug for AtomicArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtomicArray").field("shape", &self.shape()).finish_non_exhaustive()
    }
}

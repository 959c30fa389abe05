//! `SharedArray`: elements that many processes have without a copy, and who may use them how.

mod atomics;
mod body;
mod chunks;
mod copy;
mod guards;
mod header;
mod locking;
mod message;
mod mode;
#[cfg(feature = "ndarray")]
mod nd_views;
mod part;
mod part_message;
mod part_state;
mod part_word;
mod split;

use std::fmt;

use multiproc_sync::shm_safe::ShmPlain;

pub use self::atomics::{AtomicArray, AtomicElement};
use self::body::Body;
pub use self::chunks::Chunks;
pub use self::guards::{ArrayReadGuard, ArrayWriteGuard};
pub use self::header::{ArrayMode, MAX_PARTS};
pub use self::mode::ModeError;
pub use self::part::{ArrayPart, PartReadGuard};
pub use self::split::{JoinError, Split};
use crate::error::ShmError;

/// So many bytes are made before they are copied into a new array.
const FILLED_AT_ONCE: usize = 64 << 10;

/// Elements in memory that several processes share, behind a lock for many readers or one writer.
///
/// A clone is another handle to the same elements, and so is what arrives in another process when a handle is sent there: inside a message
/// of a connection, or as an argument or result of a task. None of them copies an element.
///
/// ```
/// use multiproc_shm::SharedArray;
///
/// let samples = SharedArray::from_fn(1000, |i| i as f64)?;
/// // Each worker gets a handle and a range, and reads its part in place.
/// fn sum(samples: SharedArray<f64>, range: std::ops::Range<usize>) -> f64 {
///     samples.read().unwrap()[range].iter().sum()
/// }
/// let sums = std::thread::scope(|scope| {
///     let start = |range| { let theirs = samples.clone(); scope.spawn(move || sum(theirs, range)) };
///     let workers: Vec<_> = samples.chunks(4).map(start).collect();
///     workers.into_iter().map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
/// });
/// assert_eq!(sums.iter().sum::<f64>(), 499_500.0);
/// samples.write().unwrap()[0] = 0.5;
/// assert_eq!(samples.get(0).unwrap(), Some(0.5));
/// # Ok::<(), multiproc_shm::ShmError>(())
/// ```
///
/// # Modes
///
/// An array is in one mode at a time, the same for everybody. Who is its only holder changes it.
///
/// | mode | type | who reaches the elements |
/// |---|---|---|
/// | locked | `SharedArray` | readers, or one writer, by a lock |
/// | atomic | [`AtomicArray`] | everybody at any time, each element as an atomic |
/// | split | [`ArrayPart`] | the one owner of each part, without a lock |
///
/// # Shape
///
/// An array has up to [`MAX_DIMS`](crate::MAX_DIMS) dimensions, set when it is made. Its elements lie in the order of their indices, the last
/// one changing fastest. With the feature `ndarray`, off by default, guards and parts have views of the crate
/// [`ndarray`](https://docs.rs/ndarray), and an array can be made of one.
///
/// # Death
///
/// The memory is gone once no process has a handle and no message brings one, however each of them ended. After a writer that was killed the
/// next ones, readers too, are told [`OwnerDied`](multiproc_sync::LockError::OwnerDied), until one of those who write has
/// [mended](ArrayWriteGuard::mark_consistent) the elements. A reader that was killed is missed by nobody. A `mem::forget` of a guard is harmless: the lock is
/// held then, and the memory stays mapped.
///
/// # Forks
///
/// In a fork of the process that had it a handle is inert: to lock is an error ([`Forked`](multiproc_sync::IdentityError::Forked)), to send it
/// too, as nobody would count the fork among the holders. A handle that was sent to the fork works there.
///
/// # Cost
///
/// To make one: some system calls, a descriptor, 16 KiB in front of the elements, and for the family's first lock its registry. A clone: an
/// atomic addition. A process has one mapping and one descriptor of an array, however many handles it has, and one more while messages are
/// under way. To read or write costs what an [`RwLock`](multiproc_sync::RwLock) costs: two atomic exchanges; to write, a look at 64 slots besides.
///
/// # What does not compile
///
/// Elements that are not plain data, here a lock that a `&mut` could move away:
///
/// ```compile_fail,E0277
/// multiproc_shm::SharedArray::<multiproc_sync::Mutex<u64>>::zeroed(4);
/// ```
///
/// Elements of which not every byte pattern is a value:
///
/// ```compile_fail,E0277
/// multiproc_shm::SharedArray::from_slice(&[true, false]);
/// ```
///
/// Elements that only one thread at a time may look at, while many read:
///
/// ```compile_fail,E0277
/// multiproc_shm::SharedArray::<std::cell::Cell<u64>>::zeroed(4);
/// ```
///
/// To send a guard to another thread, or to keep one longer than its array:
///
/// ```compile_fail,E0277
/// let array = multiproc_shm::SharedArray::<u64>::zeroed(4).unwrap();
/// let guard = array.write().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(guard));
/// });
/// ```
///
/// ```compile_fail,E0505
/// let array = multiproc_shm::SharedArray::<u64>::zeroed(4).unwrap();
/// let guard = array.read().unwrap();
/// let atomics = array.into_atomics();
/// drop(guard);
/// ```
///
/// To write what is held to read:
///
/// ```compile_fail,E0594
/// let array = multiproc_shm::SharedArray::<u64>::zeroed(4).unwrap();
/// array.read().unwrap()[0] = 1;
/// ```
#[doc(alias = "multiprocessing.Array")]
#[doc(alias = "multiprocessing.sharedctypes.Array")]
#[doc(alias = "multiprocessing.sharedctypes.RawArray")]
pub struct SharedArray<T> {
    body: Body<T>,
}

impl<T: ShmPlain + Send + Sync> SharedArray<T> {
    /// `len` elements of zeros.
    ///
    /// ```
    /// let large = multiproc_shm::SharedArray::<u32>::zeroed(1 << 20)?; // a page costs memory once it is touched
    /// assert_eq!((large.len(), large.get(77).unwrap()), (1 << 20, Some(0)));
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`](ShmError::OutOfMemory), [`View`](ShmError::View) for more bytes than memory can have,
    /// [`Family`](ShmError::Family) where there is no registry and none can be made, [`Kernel`](ShmError::Kernel).
    pub fn zeroed(len: usize) -> Result<Self, ShmError> {
        Self::with_shape(&[len])
    }

    /// Elements of zeros in as many dimensions as `shape` has lengths; of an empty shape it is one element.
    ///
    /// ```
    /// let image = multiproc_shm::SharedArray::<u8>::with_shape(&[480, 640, 3])?;
    /// assert_eq!((image.len(), image.shape()), (480 * 640 * 3, &[480, 640, 3][..]));
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`zeroed`](Self::zeroed), [`View`](ShmError::View) also for more than [`MAX_DIMS`](crate::MAX_DIMS) dimensions.
    #[doc(alias = "numpy.zeros")]
    pub fn with_shape(shape: &[usize]) -> Result<Self, ShmError> {
        Ok(Self { body: Body::new(shape)? })
    }

    /// The element `make(i)` at each index.
    ///
    /// ```
    /// let squares = multiproc_shm::SharedArray::from_fn(4, |i| (i * i) as u64)?;
    /// assert_eq!(squares.to_vec().unwrap(), [0, 1, 4, 9]);
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`zeroed`](Self::zeroed); [`Forked`](ShmError::Forked) in a process that `make` has forked.
    pub fn from_fn(len: usize, mut make: impl FnMut(usize) -> T) -> Result<Self, ShmError> {
        let mut new = Self::zeroed(len)?;
        // Made here and copied, some at a time: what forks in `make` leaves a child that goes on with it, and must not write beside its parent.
        let at_once = (FILLED_AT_ONCE / size_of::<T>()).max(1);
        for first in (0..len).step_by(at_once) {
            let made: Vec<T> = (first..len.min(first + at_once)).map(&mut make).collect();
            new.fill_fresh(first, &made)?;
        }
        Ok(new)
    }

    /// A copy of these elements.
    ///
    /// ```
    /// let primes = multiproc_shm::SharedArray::from_slice(&[2, 3, 5, 7])?;
    /// assert_eq!(*primes.read().unwrap(), [2, 3, 5, 7]);
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`zeroed`](Self::zeroed).
    pub fn from_slice(elements: &[T]) -> Result<Self, ShmError>
    where
        T: Copy,
    {
        let mut new = Self::zeroed(elements.len())?;
        new.fill_fresh(0, elements)?;
        Ok(new)
    }
}

impl<T> SharedArray<T> {
    /// How many elements it has, in all dimensions together.
    pub fn len(&self) -> usize {
        self.body.len()
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The length of each dimension.
    #[doc(alias = "numpy.ndarray.shape")]
    pub fn shape(&self) -> &[usize] {
        self.body.shape()
    }

    /// `n` ranges that cover the array in order, for as many workers. Their lengths differ by 1 at most, the longer ones come first; with more
    /// ranges than elements the last ones are empty.
    ///
    /// ```
    /// let array = multiproc_shm::SharedArray::<u8>::zeroed(10)?;
    /// assert!(array.chunks(3).eq([0..4, 4..7, 7..10]));
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If `n` is 0.
    #[doc(alias = "numpy.array_split")]
    pub fn chunks(&self, n: usize) -> Chunks {
        Chunks::new(self.len(), n)
    }
}

/// Another handle to the same elements.
impl<T> Clone for SharedArray<T> {
    fn clone(&self) -> Self {
        Self { body: self.body.clone() }
    }
}

/// Never waits: it shows no elements.
impl<T> fmt::Debug for SharedArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedArray").field("shape", &self.shape()).finish_non_exhaustive()
    }
}

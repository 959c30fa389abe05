//! `Shared<T>`: one value in memory that several processes map. `unsafe`: a reference into that memory.
#![allow(unsafe_code)]

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use multiproc_sync::shm_safe::{Placement, ShmSafe};

use crate::error::ShmError;
use crate::family::{self, Membership};
use crate::header::{Header, USED};
use crate::memory::SharedMemory;
use crate::sys::memfd;
use crate::transfer::Descriptor;

/// One value that several processes share.
///
/// It derefs to the value. A clone is another handle to the same memory, and so is what arrives in another process when a
/// handle is sent there: inside a message of a connection, or as an argument of a task. What can change through `&T` can be
/// changed by all: atomics, and what a [`Mutex`](multiproc_sync::Mutex) guards.
///
/// Locks in the value become locks for processes, of this process's [family]: a process of another one is refused.
///
/// # Death
///
/// The memory is gone once no process has a handle, however each of them ended. Of a process that dies with a lock, the
/// next one learns by [`OwnerDied`](multiproc_sync::LockError::OwnerDied). A `mem::forget` of a guard is harmless: the memory
/// stays mapped. In a fork of this process the handle works as any other.
///
/// # Cost
///
/// Making one: some system calls and at least a page, and for the family's first lock its registry. Deref: nothing.
///
/// # Examples
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// use multiproc_shm::Shared;
/// use multiproc_sync::Mutex;
///
/// let hits = Shared::new(AtomicU64::new(0))?;
/// let other = hits.clone();
/// other.fetch_add(3, Relaxed);
/// assert_eq!(hits.load(Relaxed), 3);
///
/// let table: Shared<Mutex<[u64; 1 << 16]>> = Shared::zeroed()?; // never on the stack
/// table.lock().unwrap()[77] = 1;
///
/// // What one process sets, all that have a handle wait for.
/// let ready = Shared::new(multiproc_sync::Event::new())?;
/// let elsewhere = ready.clone();
/// std::thread::spawn(move || elsewhere.set());
/// ready.wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What has no owner works as well, here a semaphore by which one handle tells the other that there is something:
///
/// ```
/// use multiproc_shm::Shared;
/// use multiproc_sync::Semaphore;
///
/// let filled = Shared::new(Semaphore::new(0))?;
/// let theirs = filled.clone(); // or sent to another process
/// let maker = std::thread::spawn(move || theirs.release(2));
/// filled.acquire()?;
/// filled.acquire()?;
/// maker.join().unwrap()?;
/// assert_eq!(filled.available(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// To wait for what others do, here another thread; the handle goes to another process in the same way:
///
/// ```
/// use multiproc_shm::{Shared, ShmSafe};
/// use multiproc_sync::{Condvar, Mutex};
///
/// #[derive(ShmSafe)]
/// #[repr(C)]
/// struct Progress {
///     done: Mutex<u64>,
///     changed: Condvar,
/// }
///
/// let progress = Shared::new(Progress { done: Mutex::new(0), changed: Condvar::new() })?;
/// let theirs = progress.clone();
/// let worker = std::thread::spawn(move || {
///     *theirs.done.lock().unwrap() += 1;
///     theirs.changed.notify_all();
/// });
/// let done = progress.changed.wait_while(progress.done.lock().unwrap(), |done| *done == 0).unwrap();
/// assert_eq!(*done, 1);
/// # drop(done);
/// # worker.join().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What does not compile
///
/// To move the value out:
///
/// ```compile_fail,E0507
/// # use multiproc_shm::Shared;
/// # use multiproc_sync::Mutex;
/// let shared = Shared::new(Mutex::new(0_u64)).unwrap();
/// let moved: Mutex<u64> = *shared;
/// ```
///
/// To send a guard to another thread, whose list of locks it is not in:
///
/// ```compile_fail,E0277
/// # use multiproc_shm::Shared;
/// # use multiproc_sync::Mutex;
/// let shared = Shared::new(Mutex::new(0_u64)).unwrap();
/// let guard = shared.lock().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(guard));
/// });
/// ```
#[doc(alias = "multiprocessing.Value")]
pub struct Shared<T: ShmSafe + Sync> {
    memory: SharedMemory,
    value: PhantomData<T>,
}

impl<T: ShmSafe + Sync> Shared<T> {
    const HEADER: Header = Header::of::<T>();

    /// Puts `value` into new shared memory.
    ///
    /// # Errors
    ///
    /// [`OutOfMemory`](ShmError::OutOfMemory), [`Family`](ShmError::Family) where a value with locks finds no registry and
    /// cannot make one, [`Kernel`](ShmError::Kernel).
    pub fn new(value: T) -> Result<Self, ShmError> {
        // SAFETY: `memory` has room for a `T` behind its header, aligned; nobody else knows it yet.
        Self::make(|memory| unsafe { memory.write(value) })
    }

    /// A value of zeros, made in place: for one that is too large for a stack. Zeros are a valid value of each `ShmSafe` type,
    /// and a lock of zeros is a free one.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn zeroed() -> Result<Self, ShmError> {
        Self::make(|_| {}) // the kernel's pages are zeroed
    }

    fn make(write: impl FnOnce(*mut T)) -> Result<Self, ShmError> {
        if T::NEEDS_PLACEMENT {
            family::registry()?;
        }
        let len = Self::HEADER.segment_len().unwrap_or(usize::MAX); // more than there can be: refused below
        let memory = SharedMemory::typed(len)?;
        let made = Self { memory, value: PhantomData };
        write(made.value());
        if T::NEEDS_PLACEMENT {
            // SAFETY: the value lies where it will stay, in memory mapped shared; nobody else has its descriptor; the mapping
            // lives as long as a handle that lends it, and `Segment` keeps it while `holds_within` says so.
            let placement = unsafe { Placement::new() }?;
            // SAFETY: initialised, aligned, and nobody else's yet.
            unsafe { &mut *made.value() }.place(&placement)?;
        }
        let header = Self::HEADER.to_bytes();
        // SAFETY: the segment is longer than a header, which lies before the value.
        unsafe { made.memory.as_ptr().copy_from_nonoverlapping(header.as_ptr(), USED) };
        Ok(made)
    }

    /// Takes over the segment behind a descriptor that came from another process of the family.
    ///
    /// Its locks, if any, are those of `family`, which this process then is a member of.
    pub(crate) fn arrive(descriptor: Descriptor, family: Option<Membership>) -> Result<Self, ShmError> {
        let len = SharedMemory::sealed_len(descriptor.borrowed())?;
        SharedMemory::refuse_plain(&descriptor)?;
        let mut bytes = [0; USED];
        let read = memfd::read_start(descriptor.borrowed(), &mut bytes);
        let read = read.map_err(ShmError::kernel("read a segment"))?;
        Self::HEADER.check(&bytes[..read], len, type_name::<T>())?;
        if T::NEEDS_PLACEMENT {
            let family = family.ok_or(ShmError::Corrupt { what: "it came without its family's registry" })?;
            family.join().map_err(|error| match error {
                crate::FamilyError::AlreadyMember => ShmError::ForeignFamily { type_name: type_name::<T>() },
                other => other.into(),
            })?;
        }
        Ok(Self { memory: SharedMemory::arrive(descriptor)?, value: PhantomData })
    }

    fn value(&self) -> *mut T {
        self.memory.as_ptr().wrapping_add(Self::HEADER.value_at()).cast()
    }

    pub(crate) fn memory(&self) -> &SharedMemory {
        &self.memory
    }
}

impl<T: ShmSafe + Sync> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: mapped as long as `self` lives, aligned to a page plus the header's length; a `T` of this layout lies there,
        // placed, which was written or checked; any bytes are one; whoever else reaches it has a `&T`, and `T: Sync`.
        unsafe { &*self.value() }
    }
}

impl<T: ShmSafe + Sync> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { memory: self.memory.clone(), value: PhantomData }
    }
}

// SAFETY: as `&T`, which goes to other threads if `T: Sync`; nothing of `T` is ever dropped or moved by a handle.
unsafe impl<T: ShmSafe + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: ShmSafe + Sync> Sync for Shared<T> {}

impl<T: ShmSafe + Sync + fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shared").field(&**self).finish()
    }
}

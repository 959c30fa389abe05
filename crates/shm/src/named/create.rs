//! The making of a segment with a name: under a private one first, so that whoever opens it finds it whole. `unsafe`: its bytes are
//! lent to the one who fills it.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::slice;

use multiproc_sync::Generation;

use super::Named;
use super::manifest::Record;
use super::name::Name;
use super::program::{self, Lease};
use crate::error::ShmError;
use crate::memory::{self, SharedMemory};
use crate::sys::{backend, folder, random};
use crate::{names, room};

/// How many names are drawn before it is given up.
const DRAWS: usize = 64;

impl SharedMemory {
    /// A new segment of `len` zeroed bytes with a name, mapped, for other programs of this user to [open](Self::open); CPython's
    /// `SharedMemory(name)` does too. Its pages are there from the beginning: to touch them is never a lack of memory in `/dev/shm`.
    ///
    /// The name ends with the last clone of this handle, in this process alone; [`keep_name`](Self::keep_name) lets it stay. If the process
    /// is killed, or exits with a handle that was not dropped, the name is swept by the next process that makes one (see [`names`]).
    ///
    /// A name is 1 to 255 bytes, without slashes but one in front, byte 0, colons and line breaks; it neither begins with `multiproc.` nor
    /// is `.` or `..`.
    ///
    /// CPython up to 3.12 unlinks the names of all segments that one of its programs has opened, ours too, when that ends; then the
    /// segment has no name, and whoever has it mapped goes on. There, open it with `track=False` (3.13), or `unregister` it from the tracker.
    ///
    /// # Errors
    ///
    /// [`Name`](ShmError::Name) for one that breaks these rules, [`Exists`](ShmError::Exists) for one that is taken, and not by a dead process;
    /// [`Empty`](ShmError::Empty) for no bytes; [`NoSpace`](ShmError::NoSpace) if `/dev/shm` has not so many left, [`OutOfMemory`](ShmError::OutOfMemory) if
    /// the machine or the cgroup has not; [`TooManyNames`](ShmError::TooManyNames) beyond [`MAX_NAMES`](names::MAX_NAMES); [`Kernel`](ShmError::Kernel) for
    /// the kernel's refusals.
    ///
    /// # Cost
    ///
    /// Some thirty system calls, and the clearing of its pages; once a process, a look at all of `/dev/shm`.
    ///
    /// ```
    /// use multiproc_shm::{SharedMemory, ShmError};
    ///
    /// let name = format!("doc-create-{}", std::process::id());
    /// let ours = SharedMemory::create(&name, 100)?;
    /// let theirs = SharedMemory::open(&name)?; // in another program, say
    /// assert_eq!((theirs.len(), theirs.is_owner()), (100, false));
    /// assert!(matches!(SharedMemory::create(&name, 1), Err(ShmError::Exists { .. })));
    /// drop(ours);
    /// assert!(matches!(SharedMemory::open(&name), Err(ShmError::Missing { .. })));
    /// # Ok::<(), ShmError>(())
    /// ```
    #[doc(alias = "multiprocessing.shared_memory.SharedMemory(create=True)")]
    pub fn create(name: &str, len: usize) -> Result<Self, ShmError> {
        make(&Name::parse(name)?, len, |_| ())
    }

    /// As [`create`](Self::create), with bytes that `fill` writes before anybody can open the segment. They are zeros before.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    ///
    /// # Panics
    ///
    /// If `fill` does; then nothing is left.
    ///
    /// ```
    /// use multiproc_shm::SharedMemory;
    ///
    /// let name = format!("doc-create-with-{}", std::process::id());
    /// let memory = SharedMemory::create_with(&name, 5, |bytes| bytes.copy_from_slice(b"ready"))?;
    /// let mut seen = [0; 5];
    /// assert_eq!(SharedMemory::open_read_only(&name)?.read_at(0, &mut seen)?, 5);
    /// assert_eq!(&seen, b"ready");
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    pub fn create_with(name: &str, len: usize, fill: impl FnOnce(&mut [u8])) -> Result<Self, ShmError> {
        make(&Name::parse(name)?, len, fill)
    }

    /// As [`create`](Self::create), under a name that nobody has: `psm_` and eight digits, as CPython's.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); [`Exists`](ShmError::Exists) if dozens of drawn names are taken.
    ///
    /// ```
    /// let memory = multiproc_shm::SharedMemory::create_any(100)?;
    /// assert!(memory.name().unwrap().starts_with("psm_"));
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    #[doc(alias = "multiprocessing.shared_memory.SharedMemory(name=None)")]
    pub fn create_any(len: usize) -> Result<Self, ShmError> {
        let mut draws = 0;
        loop {
            draws += 1;
            let number = random::number().map_err(ShmError::kernel("draw a name"))? as u32;
            match make(&Name::parse(&format!("psm_{number:08x}"))?, len, |_| ()) {
                Err(ShmError::Exists { .. }) if draws < DRAWS => {}
                other => return other,
            }
        }
    }
}

fn make(name: &Name, len: usize, fill: impl FnOnce(&mut [u8])) -> Result<SharedMemory, ShmError> {
    if len == 0 {
        return Err(ShmError::Empty);
    }
    let asked = len as u64;
    folder::check_limit(asked).map_err(ShmError::kernel("make a segment"))?;
    room::check(asked)?;
    program::sweep_once();
    let mut lease = program::lease()?;
    let temporary = Temporary::make(&lease, len)?;
    let fd = folder::open(&temporary.path, true, false).map_err(ShmError::kernel("open a new segment"))?;
    reserve(fd.as_fd(), asked)?;
    let file = folder::facts(fd.as_fd()).map_err(ShmError::kernel("look at a segment"))?.id;
    let map = memory::map(fd.as_fd(), len, true)?;
    // SAFETY: mapped, writable, and of this length, with all of its pages. It has a private name and was made a moment ago: whoever
    // else could write to it, of the same user, could as well write to any memory of this process.
    fill(unsafe { slice::from_raw_parts_mut(map.as_mut_ptr(), len) });
    let record = Record { file, name: name.clone() };
    lease.write(record.clone())?;
    publish(&temporary, name)?;
    Ok(SharedMemory::of(map, fd, true, Some(Named::owned(record, lease))))
}

/// Gives a file all of its pages up to `len`.
pub(super) fn reserve(fd: BorrowedFd<'_>, len: u64) -> Result<(), ShmError> {
    let look = || -> io::Result<_> { Ok((folder::left(fd)?, folder::facts(fd)?.held)) };
    let (left, held) = look().map_err(ShmError::kernel("look at a file system"))?;
    // Asked first: it would else be filled to its brim before it is refused.
    if left.is_some_and(|left| left < len.saturating_sub(held)) {
        return Err(ShmError::NoSpace { asked: len });
    }
    folder::reserve(fd, len).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ShmError::NoSpace { asked: len },
        _ => ShmError::kernel("reserve the pages of a segment")(error),
    })
}

/// Gives the segment its name, if nobody has it.
fn publish(temporary: &Temporary, name: &Name) -> Result<(), ShmError> {
    let give = || folder::rename_new(&temporary.path, &name.path());
    let given = match give() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // Perhaps a dead process's. What cannot be swept is in the way still.
            let _ = names::sweep();
            give()
        }
        other => other,
    };
    given.map_err(|error| ShmError::of_name(name, "give a segment its name", error))
}

/// A segment under its private name. Dropped, it is gone, unless it has its name by then.
struct Temporary {
    path: PathBuf,
    generation: Generation,
}

impl Temporary {
    fn make(lease: &Lease, len: usize) -> Result<Self, ShmError> {
        let name = lease.temporary();
        let made = Self { path: folder::path(&name), generation: Generation::now() };
        backend::make(&name, len).map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull => ShmError::NoSpace { asked: len as u64 },
            _ => ShmError::kernel("make a segment")(error),
        })?;
        Ok(made)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Not in a fork of the one who fills it.
        if self.generation.is_ours() {
            let _ = folder::remove(&self.path); // what cannot be removed is swept
        }
    }
}

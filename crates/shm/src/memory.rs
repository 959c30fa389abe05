//! `SharedMemory`: bytes that several processes map. Unmapping: `unsafe` to end what nobody refers to any more.
#![allow(unsafe_code)]

use std::fmt;
use std::fs::File;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use memmap2::{MmapOptions, MmapRaw};
use multiproc_sync::registry;

use crate::arrivals::{self, Arrivals};
use crate::error::ShmError;
use crate::header;
use crate::named::Named;
use crate::room;
use crate::sys::memfd;
use crate::transfer::Descriptor;

/// A segment of memory that other processes can map too. A clone is the same mapping.
///
/// - [`anonymous`](Self::anonymous): without a name, reached by its descriptor, and gone with the last descriptor and the last mapping, however
///   their processes end. Its length is sealed: no holder of the descriptor can truncate it, under the feet of those who read.
/// - [`create`](Self::create), [`open`](Self::open): with a name, for programs that know nothing of each other, CPython among them.
/// - [`map_file`](Self::map_file): a file.
///
/// Nothing is known of its bytes. Safe code reads and writes them as numbers, by a [`RawView`](crate::RawView) of any shape, or copies them
/// ([`read_at`](Self::read_at)); `unsafe` code has a [pointer](Self::as_ptr). [`Shared`](crate::Shared) and
/// [`SharedArray`](crate::SharedArray) are the typed forms.
///
/// # Files that others truncate
///
/// The kernel seals no file that has a name. Whoever may write to a named segment or a mapped file may truncate it, and then to touch what is gone
/// is SIGBUS, which ends the process; no check beforehand excludes that. [`read_at`](Self::read_at) does not touch it: it copies by a system
/// call, and gives what is there. To hold memory against others of the same user, use an anonymous segment.
///
/// ```
/// use multiproc_shm::{ShmError, SharedMemory};
///
/// let ours = SharedMemory::anonymous(4096)?;
/// let theirs = SharedMemory::attach(ours.try_clone_fd()?)?; // in another process, say
/// assert_ne!(ours.as_ptr(), theirs.as_ptr());
/// ours.raw_view::<u64>(0, &[512])?.set(&[7], 42)?;
/// assert_eq!(theirs.raw_view::<u64>(0, &[512])?.get(&[7]), Some(42));
/// assert!(matches!(SharedMemory::anonymous(0), Err(ShmError::Empty)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.shared_memory.SharedMemory")]
#[derive(Clone)]
pub struct SharedMemory {
    segment: Arc<Segment>,
}

struct Segment {
    map: ManuallyDrop<MmapRaw>,
    writable: bool,
    /// Its end is the end of the name, where that is ours.
    named: Option<Named>,
    /// Closed after that: until then no other file has its inode, by which the name knows it.
    file: Arc<File>,
    expected_back: AtomicBool,
}

/// What has come in messages.
static ARRIVALS: Arrivals<Segment> = Arrivals::new();

impl SharedMemory {
    /// A new segment of `len` zeroed bytes without a name, mapped.
    ///
    /// Cost: a handful of system calls. Above 1 MiB it is asked how much memory is free as well, one more, and once a second which limits there
    /// are; where that is not enough to tell, all of them are looked up, some 100 µs. For shorter ones it is asked so after each 16 MiB of them, or a
    /// quarter of what was left. Pages cost memory once they are touched.
    ///
    /// # Errors
    ///
    /// [`Empty`](ShmError::Empty) for no bytes; [`OutOfMemory`](ShmError::OutOfMemory) if the machine or the cgroup has not so
    /// many left; [`Kernel`](ShmError::Kernel) for its refusals, too many open files most often.
    pub fn anonymous(len: usize) -> Result<Self, ShmError> {
        Self::anonymous_as(c"multiproc-memory", len)
    }

    pub(crate) fn anonymous_as(name: &std::ffi::CStr, len: usize) -> Result<Self, ShmError> {
        if len == 0 {
            return Err(ShmError::Empty);
        }
        room::check(len as u64)?;
        let fd = memfd::create(name, len as u64).map_err(ShmError::kernel("make a segment"))?;
        Ok(Self::of(map(fd.as_fd(), len, true)?, fd, true, None))
    }

    /// Maps the segment behind a descriptor, which came from another process.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](ShmError::Corrupt) for a file whose length is not sealed, against becoming longer too: to read behind its end would end this
    /// process. So for one that may not be written.
    /// [`NotPlain`](ShmError::NotPlain) for what lies below a [`Shared`](crate::Shared), or a family's registry.
    /// [`Kernel`](ShmError::Kernel) for its refusals.
    pub fn attach(fd: OwnedFd) -> Result<Self, ShmError> {
        Self::refuse_typed(fd.as_fd())?;
        Self::attach_any(fd)
    }

    /// Refuses what has a meaning beyond its bytes: who may write any of them could break locks that lie there, and values behind guards.
    pub(crate) fn refuse_typed(fd: BorrowedFd<'_>) -> Result<(), ShmError> {
        if !memfd::is_memory(fd).map_err(ShmError::kernel("look at a descriptor"))? {
            return Ok(());
        }
        let mut magic = [0; 8];
        memfd::read_start(fd, &mut magic).map_err(ShmError::kernel("read a segment"))?;
        if magic == header::MAGIC || magic == registry::MAGIC { Err(ShmError::NotPlain) } else { Ok(()) }
    }

    /// Refuses what was made as plain memory, whatever its bytes say: who has it reaches them without the locks of a value.
    pub(crate) fn refuse_plain(descriptor: &Descriptor) -> Result<(), ShmError> {
        match made_as(descriptor)?.as_deref() {
            Some("multiproc-shm" | "multiproc-arena") => Ok(()),
            _ => Err(ShmError::Corrupt { what: "it was not made for a value" }),
        }
    }

    /// As [`refuse_plain`](Self::refuse_plain), where a registry is expected: who could write to one as to plain memory could end the lives of
    /// others there, and own what is theirs.
    pub(crate) fn refuse_no_registry(descriptor: &Descriptor) -> Result<(), ShmError> {
        match made_as(descriptor)?.as_deref() {
            Some("multiproc-registry") => Ok(()),
            _ => Err(ShmError::Corrupt { what: "it was not made for a family's registry" }),
        }
    }

    /// New memory for what has a type, of zeros.
    pub(crate) fn typed(len: usize) -> Result<Self, ShmError> {
        Self::anonymous_as(c"multiproc-shm", len)
    }

    /// As [`attach`](Self::attach), whatever it holds.
    pub(crate) fn attach_any(fd: OwnedFd) -> Result<Self, ShmError> {
        let len = Self::sealed_len(fd.as_fd())?;
        // Longer than an address space: no such file can be mapped.
        let len = usize::try_from(len).map_err(|_| ShmError::Corrupt { what: "its length" })?;
        let map = map(fd.as_fd(), len, true).map_err(|error| match error {
            ShmError::Kernel { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                ShmError::Corrupt { what: "it is open or sealed for reading only" }
            }
            other => other,
        })?;
        Ok(Self::of(map, fd, true, None))
    }

    /// As [`attach_any`](Self::attach_any), for what came in a message: the same mapping as before, if this process has it already.
    pub(crate) fn arrive(descriptor: Descriptor) -> Result<Self, ShmError> {
        let segment = ARRIVALS.find_or(arrivals::key(descriptor.file())?, || {
            let fd = descriptor.into_owned().map_err(ShmError::kernel("open a segment once more"))?;
            Self::attach_any(fd).map(|memory| memory.segment)
        })?;
        Ok(Self { segment })
    }

    /// What a message carries. It may come back to this process, and is found again then.
    pub(crate) fn travelling(&self) -> Result<Descriptor, ShmError> {
        // Relaxed: who notes it a second time does no harm.
        if !self.segment.expected_back.load(Relaxed) {
            ARRIVALS.insert(arrivals::key(&self.segment.file)?, &self.segment);
            self.segment.expected_back.store(true, Relaxed);
        }
        Ok(self.segment.file.clone().into())
    }

    /// As [`travelling`](Self::travelling), for one that does not come back here.
    pub(crate) fn descriptor(&self) -> Descriptor {
        self.segment.file.clone().into()
    }

    /// Whether nobody can cut the file.
    pub(crate) fn is_sealed(&self) -> Result<bool, ShmError> {
        let sealed = memfd::sealed_len(self.as_fd()).map_err(ShmError::kernel("look at a segment"))?;
        Ok(sealed.is_some() && self.is_writable())
    }

    /// The length of a segment that is not mapped yet.
    pub(crate) fn sealed_len(fd: BorrowedFd<'_>) -> Result<u64, ShmError> {
        match memfd::sealed_len(fd).map_err(ShmError::kernel("look at a segment"))? {
            Some(0) => Err(ShmError::TooShort { len: 0, needed: 1 }),
            Some(len) => Ok(len),
            None => Err(ShmError::Corrupt { what: "it is no file in memory whose length is sealed" }),
        }
    }

    /// What is [mapped](map) of the file behind the descriptor.
    pub(crate) fn of(map: MmapRaw, fd: OwnedFd, writable: bool, named: Option<Named>) -> Self {
        Self {
            segment: Arc::new(Segment {
                map: ManuallyDrop::new(map),
                file: Arc::new(fd.into()),
                writable,
                named,
                expected_back: AtomicBool::new(false),
            }),
        }
    }

    pub(crate) fn as_file(&self) -> &File {
        &self.segment.file
    }

    pub(crate) fn named_part(&self) -> Option<&Named> {
        self.segment.named.as_ref()
    }

    /// Its length in bytes, never 0.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.segment.map.len()
    }

    /// Its first byte, page aligned. Valid as long as this handle or a clone of it lives. Other processes may write at any
    /// time, so that whatever lies there is reached by volatile or atomic accesses only; and by reads only, where it is not
    /// [writable](Self::is_writable).
    pub fn as_ptr(&self) -> *mut u8 {
        self.segment.map.as_mut_ptr()
    }

    pub(crate) fn as_non_null(&self) -> NonNull<u8> {
        NonNull::new(self.as_ptr()).expect("the kernel maps nothing at address 0")
    }

    /// Whether this process may write to the memory through this handle. Where it may not, a write is SIGSEGV.
    ///
    /// ```
    /// use multiproc_shm::SharedMemory;
    ///
    /// assert!(SharedMemory::anonymous(1)?.is_writable());
    /// assert!(!SharedMemory::map_file_read_only(std::env::current_exe()?)?.is_writable());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_writable(&self) -> bool {
        self.segment.writable
    }

    /// A descriptor to hand to another process.
    ///
    /// # Errors
    ///
    /// This process may not open more descriptors.
    pub fn try_clone_fd(&self) -> io::Result<OwnedFd> {
        self.segment.file.try_clone().map(OwnedFd::from)
    }
}

/// What memory was made for, which nothing changes later.
fn made_as(descriptor: &Descriptor) -> Result<Option<String>, ShmError> {
    memfd::name(descriptor.borrowed()).map_err(ShmError::kernel("look at a segment by /proc/self/fd"))
}

/// Maps the first `len` bytes of a file.
pub(crate) fn map(fd: BorrowedFd<'_>, len: usize, writable: bool) -> Result<MmapRaw, ShmError> {
    let mut options = MmapOptions::new();
    let options = options.len(len);
    let fd = fd.as_raw_fd();
    let map = if writable { options.map_raw(fd) } else { options.map_raw_read_only(fd) };
    map.map_err(room::map_error(len as u64))
}

impl Segment {
    fn addresses(&self) -> Range<usize> {
        let start = self.map.as_ptr() as usize;
        start..start + self.map.len()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // A forgotten guard leaves its lock in its thread's list: the kernel, and the list's next insertion, write there.
        if !registry::holds_within(&self.addresses()) {
            // SAFETY: dropped here, once, and used no more.
            unsafe { ManuallyDrop::drop(&mut self.map) };
        }
    }
}

impl AsFd for SharedMemory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.segment.file.as_fd()
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SharedMemory");
        shown.field("len", &self.len()).field("fd", &self.segment.file.as_raw_fd());
        if let Some(name) = self.name() {
            shown.field("name", &name);
        }
        shown.finish()
    }
}

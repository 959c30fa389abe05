//! Memory that is there already: segments by their names, files by their paths.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::Named;
use super::create::reserve;
use super::name::Name;
use crate::error::ShmError;
use crate::memory::{self, SharedMemory};
use crate::sys::folder::{self, Facts};

/// How often a segment without bytes is looked at again: CPython and others make them so, and give them their length an instant later.
const LOOKS: usize = 50;

const PAUSE: Duration = Duration::from_millis(1);

impl SharedMemory {
    /// Maps the segment of this user that has this name, whichever program made it: this crate, CPython, or anybody by `shm_open`. All of it
    /// is mapped, as long as it is now. One of another user is refused, whatever its permissions: anybody can put one there before the
    /// program that is meant. See [`open_of_user`](Self::open_of_user).
    ///
    /// Its bytes are a stranger's: they may be anything, and change at any time. It may also be [cut](#files-that-others-cut); and one that this
    /// crate has not made may lack pages, see [`reserve`](Self::reserve). A segment without bytes, which is one that is being made elsewhere,
    /// is waited for up to 50 ms.
    ///
    /// # Errors
    ///
    /// [`Missing`](ShmError::Missing), [`OtherUser`](ShmError::OtherUser), [`Permission`](ShmError::Permission), [`Name`](ShmError::Name) as their
    /// texts say; [`OutOfMemory`](ShmError::OutOfMemory) if this process may not map so much; [`TooShort`](ShmError::TooShort) for a segment without bytes; [`Corrupt`](ShmError::Corrupt) for what is no segment at all, a folder or a link for
    /// instance; [`Kernel`](ShmError::Kernel) for its refusals.
    ///
    /// ```
    /// use multiproc_shm::SharedMemory;
    ///
    /// let ours = SharedMemory::create_any(100)?;
    /// let theirs = SharedMemory::open(ours.name().unwrap())?; // in another program, say
    /// assert_eq!((theirs.len(), theirs.is_writable()), (100, true));
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    #[doc(alias = "multiprocessing.shared_memory.SharedMemory(name)")]
    pub fn open(name: &str) -> Result<Self, ShmError> {
        open_as(name, folder::user(), true)
    }

    /// As [`open`](Self::open), of a segment that is the user's of this number, as a service for all users of a machine makes. That user is
    /// trusted then: to cut a segment under the feet of those who have it mapped ends them, as [`SharedMemory`] tells.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    ///
    /// ```
    /// use multiproc_shm::{SharedMemory, ShmError};
    /// # use std::os::unix::fs::MetadataExt;
    /// # let me = std::fs::metadata("/proc/self")?.uid();
    ///
    /// let ours = SharedMemory::create_any(100)?;
    /// let name = ours.name().unwrap();
    /// assert_eq!(SharedMemory::open_of_user(name, me)?.len(), 100);
    /// let refused = SharedMemory::open_of_user(name, me + 1);
    /// assert!(matches!(refused, Err(ShmError::OtherUser { user, .. }) if user == me));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open_of_user(name: &str, user: u32) -> Result<Self, ShmError> {
        open_as(name, user, true)
    }

    /// As [`open_of_user`](Self::open_of_user), for reads only.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_read_only_of_user(name: &str, user: u32) -> Result<Self, ShmError> {
        open_as(name, user, false)
    }

    /// As [`open`](Self::open), for reads only: it needs no right to write. To write there is SIGSEGV.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    ///
    /// ```
    /// use multiproc_shm::SharedMemory;
    ///
    /// let ours = SharedMemory::create_any(100)?;
    /// let theirs = SharedMemory::open_read_only(ours.name().unwrap())?; // in another program, say
    /// assert_eq!((theirs.len(), theirs.is_writable()), (100, false));
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    pub fn open_read_only(name: &str) -> Result<Self, ShmError> {
        open_as(name, folder::user(), false)
    }

    /// Maps a file, for reads and writes. Writes are seen at once by all who map or read it, and reach the disk when the kernel sees fit.
    ///
    /// The file keeps its name. It may be [cut](#files-that-others-cut). A file with holes gets pages when they are written to, and on a full disk
    /// that is SIGBUS: see [`reserve`](Self::reserve). So is a disk that cannot be read.
    ///
    /// # Errors
    ///
    /// [`File`](ShmError::File) for what is no regular file; [`TooShort`](ShmError::TooShort) for an empty one; [`Kernel`](ShmError::Kernel) for the
    /// kernel's refusals, as that nothing is there.
    ///
    /// ```
    /// use multiproc_shm::SharedMemory;
    /// # let path = std::env::temp_dir().join(format!("doc-map-file-{}", std::process::id()));
    /// std::fs::write(&path, "abc")?;
    /// let memory = SharedMemory::map_file(&path)?;
    /// assert_eq!(memory.len(), 3);
    /// // SAFETY: within the mapping; nobody cuts the file meanwhile.
    /// unsafe { memory.as_ptr().write_volatile(b'A') };
    /// assert_eq!(std::fs::read(&path)?, b"Abc");
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mmap.mmap")]
    pub fn map_file(path: impl AsRef<Path>) -> Result<Self, ShmError> {
        file(path.as_ref(), true)
    }

    /// As [`map_file`](Self::map_file), for reads only: it needs no right to write. To write there is SIGSEGV.
    ///
    /// # Errors
    ///
    /// As [`map_file`](Self::map_file).
    ///
    /// ```
    /// use multiproc_shm::SharedMemory;
    ///
    /// let this = SharedMemory::map_file_read_only(std::env::current_exe()?)?;
    /// let mut magic = [0; 4];
    /// assert_eq!(this.read_at(0, &mut magic)?, 4);
    /// assert_eq!((&magic, this.is_writable()), (b"\x7fELF", false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "mmap.ACCESS_READ")]
    pub fn map_file_read_only(path: impl AsRef<Path>) -> Result<Self, ShmError> {
        file(path.as_ref(), false)
    }

    /// Copies bytes from `offset` on; gives how many there were, fewer than `buffer` has only at the segment's end. It does not touch the
    /// mapping: if somebody has cut the segment, there are fewer, where a look at the memory would end this process. What others
    /// write meanwhile is seen in part.
    ///
    /// Cost: a system call.
    ///
    /// # Errors
    ///
    /// [`Kernel`](ShmError::Kernel) for its refusals, as of a disk that cannot be read.
    ///
    /// ```
    /// use multiproc_shm::SharedMemory;
    ///
    /// let memory = SharedMemory::anonymous(10)?;
    /// let mut buffer = [1; 4];
    /// assert_eq!((memory.read_at(8, &mut buffer)?, buffer), (2, [0, 0, 1, 1]));
    /// assert_eq!(memory.read_at(usize::MAX, &mut buffer)?, 0);
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    pub fn read_at(&self, offset: usize, buffer: &mut [u8]) -> Result<usize, ShmError> {
        // What a file has got since it was mapped is no part of it.
        let within = buffer.len().min(self.len().saturating_sub(offset));
        let mut read = 0;
        while read < within {
            match self.as_file().read_at(&mut buffer[read..within], (offset + read) as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ShmError::kernel("read a segment")(error)),
            }
        }
        Ok(read)
    }

    /// Gives the segment all of its pages now, so that no later access finds `/dev/shm`, or the disk of a mapped file, full; that would be
    /// SIGBUS. One made by [`create`](Self::create) has them. The bytes stay as they are; what somebody
    /// has cut off is there again, as zeros.
    ///
    /// # Errors
    ///
    /// [`NoSpace`](ShmError::NoSpace) if there are not so many; [`NotReservable`](ShmError::NotReservable) where the file system of a mapped file
    /// cannot do that; [`OutOfMemory`](ShmError::OutOfMemory) where the kernel says so; [`Kernel`](ShmError::Kernel) for its refusals, as for what is not writable.
    ///
    /// ```
    /// let memory = multiproc_shm::SharedMemory::anonymous(10)?;
    /// memory.reserve()?;
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    #[doc(alias = "posix_fallocate")]
    pub fn reserve(&self) -> Result<(), ShmError> {
        let facts = look(self.as_file())?;
        reserve(self.as_file(), &facts, self.len() as u64)
    }
}

fn open_as(name: &str, user: u32, writable: bool) -> Result<SharedMemory, ShmError> {
    let name = Name::parse(name)?;
    let refused = |error: io::Error| match error.raw_os_error() {
        Some(libc::ELOOP) => ShmError::Corrupt { what: "a link has its name" },
        Some(libc::EISDIR) => ShmError::Corrupt { what: "a folder has its name" },
        Some(libc::ENXIO) => ShmError::Corrupt { what: "a socket, pipe or device has its name" },
        _ => ShmError::of_name(&name, "open a segment", error),
    };
    let file = folder::open(&name.path(), writable, false).map_err(refused)?;
    let mut facts = look(&file)?;
    if !facts.is_regular {
        return Err(ShmError::Corrupt { what: "it is no regular file" });
    }
    if facts.user != user {
        return Err(ShmError::OtherUser { name: name.to_string(), user: facts.user, expected: user });
    }
    for _ in 0..LOOKS {
        if facts.len > 0 {
            break;
        }
        thread::sleep(PAUSE);
        facts = look(&file)?;
    }
    map(file, &facts, writable, Some(Named::opened(name, facts.id)))
}

fn file(path: &Path, writable: bool) -> Result<SharedMemory, ShmError> {
    let refused = |why| ShmError::File { path: path.to_owned(), why };
    let file = folder::open(path, writable, true).map_err(|error| match error.raw_os_error() {
        Some(libc::EISDIR) => refused("it is a folder"),
        Some(libc::ENXIO) => refused("it is no regular file"),
        _ => ShmError::kernel("open a file")(error),
    })?;
    let facts = look(&file)?;
    if !facts.is_regular {
        return Err(refused("it is no regular file"));
    }
    map(file, &facts, writable, None)
}

fn look(file: &File) -> Result<Facts, ShmError> {
    folder::facts(file).map_err(ShmError::kernel("look at a segment"))
}

fn map(file: File, facts: &Facts, writable: bool, named: Option<Named>) -> Result<SharedMemory, ShmError> {
    if facts.len == 0 {
        return Err(ShmError::TooShort { len: 0, needed: 1 });
    }
    // Longer than an address space: no such file can be mapped.
    let len = usize::try_from(facts.len).map_err(|_| ShmError::Corrupt { what: "its length" })?;
    SharedMemory::refuse_typed(file.as_fd())?;
    let map = memory::map(file.as_fd(), len, writable)?;
    Ok(SharedMemory::of(map, file.into(), writable, named))
}

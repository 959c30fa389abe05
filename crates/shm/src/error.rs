//! Why there is no segment, no value in it, or no family.

use std::io;
use std::path::PathBuf;

use multiproc_sync::registry::RegistryError;
use multiproc_sync::shm_safe::PlaceError;
use thiserror::Error;

use crate::array::ArrayMode;
use crate::raw::ViewError;
use crate::room;
use crate::sys::space;

/// Why a segment could not be made or taken over.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ShmError {
    /// A segment of no bytes was asked for.
    #[error("a segment of no bytes: ask for at least one")]
    Empty,
    /// The machine, or the cgroup of this process, has not so much memory left, or the process not so many addresses
    /// (`RLIMIT_AS`). Were memory given all the same, some process would be killed at the first touch of what is too much.
    #[error(
        "{asked} bytes of shared memory, where {available} are left: ask for less, or raise the limit of the cgroup, \
         or that of the process's addresses (`ulimit -v`)"
    )]
    OutOfMemory {
        /// What was asked for, in bytes, the header included.
        asked: u64,
        /// What is left, in bytes.
        available: u64,
    },
    /// Plain bytes were asked for of a segment that holds a [`Shared`](crate::Shared) value, an array, an arena, or a family's registry.
    #[error(
        "the segment holds a typed value or a family's registry, which writes of plain bytes would break: receive it as the type that was sent, \
         `Shared`, `SharedArray` or `Arena`"
    )]
    NotPlain,
    /// A segment that has a name, or a file, was to travel inside a message: who receives it could see it cut.
    #[error("a segment with a name does not travel inside a message: send its name, or use an anonymous one")]
    NotSendable,
    /// More was asked for than an arena can have: its blocks have numbers of 32 bits.
    #[error("an arena of {asked} bytes, where {limit} are the most: make several")]
    TooLargeAnArena {
        /// What was asked for, in bytes.
        asked: u64,
        /// The most, in bytes.
        limit: u64,
    },
    /// The segment is shorter than what it should hold.
    #[error(
        "the segment is {len} bytes long, where {needed} are needed: it is another segment, or was truncated"
    )]
    TooShort {
        /// Of the segment, in bytes.
        len: u64,
        /// Of what it should hold, in bytes.
        needed: u64,
    },
    /// The segment is none of ours, or was damaged.
    #[error("this is no segment of multiproc's, or a damaged one: {what}")]
    Corrupt {
        /// Which rule it breaks.
        what: &'static str,
    },
    /// The segment was made by another version of this crate.
    #[error(
        "the segment is of version {found}, this program knows version {expected}: build both programs together"
    )]
    Version {
        /// What the segment says.
        found: u32,
        /// What this build knows.
        expected: u32,
    },
    /// The segment holds another type, or the same one laid out otherwise.
    #[error(
        "the segment holds no {type_name} as this program lays it out (layout {found:#018x}, expected {expected:#018x}): \
         do both programs have the same definition?"
    )]
    LayoutMismatch {
        /// The type that was expected.
        type_name: &'static str,
        /// The fingerprint in the segment.
        found: u64,
        /// That of the type.
        expected: u64,
    },
    /// The value holds locks of a family that this process is no member of: their owners' names would mean others here.
    #[error(
        "a {type_name} of another family: its locks name owners that this process does not know. Share it with processes \
         that one program has started, and before they make shared values of their own"
    )]
    ForeignFamily {
        /// The type of the value.
        type_name: &'static str,
    },
    /// This process could not become one of a family.
    #[error(transparent)]
    Family(#[from] FamilyError),
    /// The locks in the value could not be made ready.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The memory is for reading only.
    #[error("the memory is for reading only: open it for writing")]
    ReadOnly,
    /// There is no such view of the memory.
    #[error(transparent)]
    View(ViewError),
    /// No segment may have this name.
    #[error("{name:?} cannot be the name of a segment: {why}")]
    Name {
        /// As it was given.
        name: String,
        /// Which rule it breaks.
        why: &'static str,
    },
    /// A segment of this name is there, and its maker is no dead process of this crate's.
    #[error("a segment with the name {name:?} exists already: open it, or take another name")]
    Exists {
        /// The name.
        name: String,
    },
    /// No segment has this name.
    #[error(
        "no segment has the name {name:?}: it was not made yet, its maker has ended, or a Python program that had opened it has unlinked it"
    )]
    Missing {
        /// The name.
        name: String,
    },
    /// This user may not do that with the segment.
    #[error(
        "this user may not open or unlink the segment {name:?} so: it is another user's, or its permissions forbid it"
    )]
    Permission {
        /// The name.
        name: String,
    },
    /// The segment is another user's than the one whose it should be: that user may have put anything there, and may cut it at any time.
    #[error(
        "the segment {name:?} is of the user {user}, not of {expected}: open it by `open_of_user` if that one is to be trusted"
    )]
    OtherUser {
        /// The name.
        name: String,
        /// The number of the user whose it is.
        user: u32,
        /// The number of the user whose it should be.
        expected: u32,
    },
    /// The file system has not so many bytes left: for named segments that is `/dev/shm`.
    #[error(
        "{asked} bytes of shared memory are more than the file system has left: free some of /dev/shm, or make it larger"
    )]
    NoSpace {
        /// What was asked for, in bytes.
        asked: u64,
    },
    /// `/dev/shm` holds as many files as it may, whatever their length.
    #[error(
        "/dev/shm holds as many files as it may: end some segments, or mount it with a higher `nr_inodes`"
    )]
    TooManyFiles,
    /// The file system of a mapped file cannot give it its pages before they are touched.
    #[error(
        "the file system cannot reserve the pages of a file: write all of the file once before it is mapped"
    )]
    NotReservable,
    /// The process has made so many segments with names already that are not ended.
    #[error("this process has {limit} segments with names already: end some, or put several values into one")]
    TooManyNames {
        /// [`MAX_NAMES`](crate::names::MAX_NAMES).
        limit: usize,
    },
    /// The file cannot be memory.
    #[error("{} cannot be mapped: {why}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why not.
        why: &'static str,
    },
    /// The segment holds an array that is used in another way.
    #[error(
        "the array is in mode {found:?}, where {expected:?} was expected: receive it as the type that was sent, \
         `SharedArray` for Locked, `AtomicArray` for Atomic, `ArrayPart` for Split"
    )]
    ArrayMode {
        /// The mode that it is in.
        found: ArrayMode,
        /// That of the type that was to be received.
        expected: ArrayMode,
    },
    /// A part of an array is sent by whoever reads it.
    #[error("the part of the array is being read: drop the guard, then send the part")]
    PartIsRead,
    /// A part of an array is in a message already, or was; or its message was received already, or its splitter has taken it back. So too
    /// the message of a task that is tried again, once its first worker has received the part: parts and retries do not go together.
    #[error(
        "the part of the array was sent already, or its message was received, or it was taken back: send what the receiver sends on, \
         and have no retries in a pool whose tasks bring parts"
    )]
    PartIsSent,
    /// A handle, or a heap, was inherited by a fork, which nobody counts among those who have it; or the process was forked while it filled a
    /// segment, which is the parent's to make.
    #[error(
        "this process is a fork of the one whose segment, handle or heap it is, which goes on with it alone: send the handle in a message, or \
         make another here"
    )]
    Forked,
    /// The kernel refused.
    #[error("the kernel refused to {doing}: {source}")]
    Kernel {
        /// What was to be done.
        doing: &'static str,
        /// Its answer.
        source: io::Error,
    },
}

impl ShmError {
    pub(crate) fn kernel(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Kernel { doing, source }
    }

    /// Why a file of `asked` bytes in the folder of named segments, or what it needs beside it, could not be made.
    pub(crate) fn of_folder(asked: u64, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::StorageFull if space::is_out_of_files() => Self::TooManyFiles,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace { asked },
            io::ErrorKind::OutOfMemory => room::out_of_memory(asked),
            _ => Self::Kernel { doing, source },
        }
    }

    pub(crate) fn of_name(name: &impl ToString, doing: &'static str, source: io::Error) -> Self {
        let name = name.to_string();
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists { name },
            io::ErrorKind::NotFound => Self::Missing { name },
            io::ErrorKind::PermissionDenied => Self::Permission { name },
            _ => Self::Kernel { doing, source },
        }
    }
}

impl From<ViewError> for ShmError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::ReadOnly => Self::ReadOnly,
            other => Self::View(other),
        }
    }
}

/// Why this process has no registry of a family.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FamilyError {
    /// The registry's memory could not be made or mapped.
    #[error("the memory of the family's registry: {0}")]
    Memory(#[source] Box<ShmError>),
    /// The memory holds no registry for this process.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// This process belongs to a family already, and it is another one.
    #[error(
        "this process belongs to another family already: it has made a shared value with a lock before it was told of this one"
    )]
    AlreadyMember,
    /// The registry of this process was installed by other means than this crate's, so that it cannot be handed on.
    #[error(
        "the registry of this process has no descriptor: make it by `multiproc_shm::family`, not by hand"
    )]
    NoDescriptor,
}

impl From<ShmError> for FamilyError {
    fn from(error: ShmError) -> Self {
        Self::Memory(Box::new(error))
    }
}

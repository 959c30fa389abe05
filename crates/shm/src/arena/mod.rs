//! `Arena`: memory of a family from which each of its processes allocates. `unsafe`: values are written into blocks.
#![allow(unsafe_code)]

mod anchor;
pub(crate) mod block;
mod boxed;
mod content;
pub(crate) mod error;
mod ground;
mod message;
mod parcel;
pub(crate) mod search;
pub(crate) mod spans;
mod stripe;
mod survey;
pub(crate) mod sweep;
pub(crate) mod word;

use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use multiproc_sync::Generation;
use multiproc_sync::shm_safe::ShmPlain;

use self::anchor::{Anchor, Anchors};
pub use self::boxed::ArenaBox;
pub use self::content::ArenaContent;
pub use self::error::{AllocError, ArenaError, ParcelError};
use self::ground::{Ground, MOST_SPANS, SPAN, Size};
pub use self::parcel::{ArenaParcel, ParcelSent};
use crate::error::ShmError;

/// Memory from which the processes of a family allocate values that they hand to each other without a copy.
///
/// A value in it is an [`ArenaBox`], which one process has at a time, and which it may send to another as an [`ArenaParcel`]. What a process
/// has when it dies, at whatever instruction, goes back to the arena, and so does what is in a message that nobody receives.
///
/// ```
/// use multiproc_shm::Arena;
///
/// let arena = Arena::new(1 << 20)?; // 1 MiB for all of them
/// let mut row = arena.alloc_zeroed::<f64>(1000)?;
/// row[7] = 1.5;
/// assert_eq!((arena.capacity(), arena.used()), (1 << 20, 8192));
/// drop(row);
/// assert_eq!(arena.used(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A clone is another handle to the same arena, and so is what arrives where a handle is sent: inside a message, or as the argument of a task.
/// The arena is gone once no process has a handle or a box of it, and no message a parcel, however each of them ended.
///
/// # Sizes
///
/// The arena consists of spans of 64 KiB. Up to that a block is a power of two, 64 bytes at least, so that no two processes write to one line
/// of the cache; above, as many spans in a row as it needs. Blocks are aligned to their size, up to a page, and no type may want more. Beside the
/// blocks lie 8 bytes for each 64 of the arena. Memory that was never used costs nothing, and what was used is kept until [`trim`](Self::trim).
///
/// # When it is full
///
/// Spans whose blocks are all free are laid out anew for other sizes, when there is nothing else left. Then the arena asks which processes
/// have ended, and takes back what they had; only then an allocation is [`Full`](AllocError::Full). Nobody waits for others to drop theirs.
///
/// # Death
///
/// Blocks say by name whose they are, from the instruction that claims them to the one that frees them. They pass to another only on proof that the
/// *whole* process has ended (see [`ProcessName`](multiproc_sync::ProcessName)). What a parcel has in a message that was sent is free once
/// the kernel has ended the message. In a fork of the process the arena works as any other handle; boxes and parcels stay the parent's.
///
/// # Cost
///
/// To allocate and to drop what fits into a span: an atomic exchange and a store where the size was used before, some 40 ns, without a lock or a
/// system call. A span that is laid out, and each block beyond 64 KiB, takes a lock that survives its owner's death. A full arena looks at
/// all of its words, and asks the kernel after each process that has a block, some 20 µs each.
#[doc(alias = "multiprocessing.heap.Arena")]
#[doc(alias = "multiprocessing.heap.Heap")]
#[derive(Clone)]
pub struct Arena(Arc<Anchors>);

impl Arena {
    /// The most bytes that an arena can have: its blocks have numbers of 32 bits.
    pub const MAX_LEN: usize = MOST_SPANS * SPAN;

    /// An arena of `len` bytes for blocks, rounded up to spans of 64 KiB.
    ///
    /// # Errors
    ///
    /// [`Empty`](ShmError::Empty) for no bytes; [`TooLargeAnArena`](ShmError::TooLargeAnArena) beyond [`MAX_LEN`](Self::MAX_LEN); [`OutOfMemory`](ShmError::OutOfMemory),
    /// [`Family`](ShmError::Family), [`Kernel`](ShmError::Kernel) as for a [`Shared`](crate::Shared) value.
    pub fn new(len: usize) -> Result<Self, ShmError> {
        Ground::new(len).map(Self::of)
    }

    pub(crate) fn of(ground: Arc<Ground>) -> Self {
        Self(Arc::new(Anchors::new(&ground)))
    }

    pub(crate) fn ground(&self) -> &Ground {
        self.0.ground()
    }

    /// Puts `value` into a block of its own.
    ///
    /// ```
    /// use multiproc_shm::{AllocError, Arena};
    /// let arena = Arena::new(1 << 16)?;
    /// let _all = arena.alloc_zeroed::<u8>(1 << 16)?;
    /// let error = arena.alloc([1_u64, 2]).unwrap_err();
    /// assert_eq!(error.value, [1, 2]);
    /// assert!(matches!(error.kind, AllocError::Full { asked: 16, capacity: 65536 }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ArenaError`] with the value: [`Full`](AllocError::Full) or [`TooLarge`](AllocError::TooLarge) for the arena;
    /// [`Identity`](AllocError::Identity) if this process can have no name in the family, [`Locked`](AllocError::Locked).
    #[inline]
    pub fn alloc<T: ShmPlain>(&self, value: T) -> Result<ArenaBox<T>, ArenaError<T>> {
        match self.make::<T>(1) {
            // SAFETY: the block has room for a `T`, aligned, and is nobody else's.
            Ok(room) => Ok(unsafe { room.filled(|content| content.write(value)) }),
            Err(kind) => Err(ArenaError { value, kind }),
        }
    }

    /// Puts a copy of `values` into a block.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    pub fn alloc_slice<T: ShmPlain + Copy>(&self, values: &[T]) -> Result<ArenaBox<[T]>, AllocError> {
        let room = self.make::<[T]>(values.len())?;
        // SAFETY: the block has room for so many, aligned, and is nobody else's.
        Ok(unsafe {
            room.filled(|content| {
                content.as_ptr().cast::<T>().copy_from_nonoverlapping(values.as_ptr(), values.len());
            })
        })
    }

    /// A slice of `len` zeros, made in place. Zeros are a value of each plain type.
    ///
    /// # Errors
    ///
    /// As [`alloc`](Self::alloc).
    pub fn alloc_zeroed<T: ShmPlain>(&self, len: usize) -> Result<ArenaBox<[T]>, AllocError> {
        let room = self.make::<[T]>(len)?;
        // SAFETY: the block has room for so many, aligned, and is nobody else's; zeros are a `T`.
        Ok(unsafe { room.filled(|content| content.cast::<T>().write_bytes(0, len)) })
    }

    #[inline]
    fn make<T: ArenaContent + ?Sized>(&self, len: usize) -> Result<Room<'_, T>, AllocError> {
        let bytes = T::bytes(len)
            .ok_or(AllocError::TooLarge { asked: usize::MAX, capacity: self.ground().capacity() })?;
        let ground = self.0.of_this_thread();
        let (place, word, address) = ground.claim(Size::of(bytes), bytes)?;
        Ok(Room { ground, place, word, content: T::at(address, len) })
    }

    /// Takes back the blocks of processes that have ended, and of messages that ended unread; gives how many those were.
    ///
    /// An arena that is full does so by itself.
    ///
    /// ```
    /// # use multiproc_testkit::fork::{fork, reap};
    /// use multiproc_shm::Arena;
    /// let arena = Arena::new(1 << 20)?;
    /// # let child = fork(|| {
    /// std::mem::forget(arena.alloc(7_u64).unwrap()); // in another process, which ends
    /// # });
    /// # reap(child);
    /// assert_eq!((arena.used(), arena.sweep(), arena.used()), (64, 1, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sweep(&self) -> usize {
        self.ground().sweep()
    }

    /// Gives the memory of what is free back to the kernel, so that others on the machine have it; gives how many bytes of the arena cost nothing
    /// then. Blocks that somebody has stay as they are, those in messages and those of the dead too: [`sweep`](Self::sweep) first to free the latter.
    ///
    /// Nothing else gives memory back before the arena ends: blocks that come and go would have to be given pages anew each time, which costs more
    /// than all else about them. Whoever is killed in the middle leaves an arena as before.
    ///
    /// Cost: a look at each block, a system call for each row of free spans, and some 0.2 µs for each page that goes. Who needs a new span, or
    /// a block beyond 64 KiB, waits meanwhile.
    ///
    /// ```
    /// let arena = multiproc_shm::Arena::new(8 << 20)?;
    /// let kept = arena.alloc(7_u64)?;
    /// drop(arena.alloc_zeroed::<u8>(5 << 20)?); // its pages stay, for the next one
    /// assert_eq!(arena.trim()?, (8 << 20) - (64 << 10));
    /// assert_eq!(*kept, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Identity`](AllocError::Identity), [`Locked`](AllocError::Locked) as for [`alloc`](Self::alloc). What the kernel does not take is not counted.
    #[doc(alias = "malloc_trim")]
    pub fn trim(&self) -> Result<usize, AllocError> {
        self.ground().trim()
    }

    /// What the arena has for blocks, in bytes.
    pub fn capacity(&self) -> usize {
        self.ground().capacity()
    }

    /// What blocks take that somebody has, in bytes, those of the dead among them. Costs a look at each block.
    pub fn used(&self) -> usize {
        self.ground().survey().used
    }

    /// The largest block that could be had now, in bytes, if nobody else allocates and the dead keep theirs. Costs a look at each block.
    ///
    /// ```
    /// let arena = multiproc_shm::Arena::new(3 << 16)?;
    /// assert_eq!(arena.largest_free(), 3 << 16);
    /// let first = arena.alloc(1_u8)?;
    /// assert_eq!(arena.largest_free(), 2 << 16);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn largest_free(&self) -> usize {
        self.ground().survey().largest_free
    }
}

/// A block that was claimed, and in which nothing lies yet.
struct Room<'a, T: ?Sized> {
    ground: &'a Arc<Anchor>,
    place: spans::Place,
    word: word::Word,
    content: NonNull<T>,
}

impl<T: ArenaContent + ?Sized> Room<'_, T> {
    /// # Safety
    ///
    /// `fill` writes a value there.
    #[inline]
    unsafe fn filled(self, fill: impl FnOnce(NonNull<T>)) -> ArenaBox<T> {
        fill(self.content);
        // SAFETY: claimed by this process, and initialised.
        unsafe { ArenaBox::of(self.ground.clone(), self.place, self.word, self.content, Generation::now()) }
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let survey = self.ground().survey();
        f.debug_struct("Arena").field("capacity", &self.capacity()).field("used", &survey.used).finish()
    }
}

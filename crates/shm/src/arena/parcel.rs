//! `ArenaParcel`: a block that may be sent. Two phases: on its way while its message is, and in the end another process's, or back.
//! `unsafe`: a block becomes a box.
#![allow(unsafe_code)]

use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::AcqRel, Ordering::Acquire, Ordering::Release};

use multiproc_sync::{Generation, ProcessName};
use thiserror::Error;

use super::anchor::Anchor;
use super::boxed::ArenaBox;
use super::content::ArenaContent;
use super::error::ParcelError;
use super::ground::Ground;
use super::spans::Place;
use super::word::{State, Word};
use crate::error::ShmError;
use crate::transfer::{self, Descriptor, Transfer};

/// A block of an [`Arena`](super::Arena) with its value, to be sent to another process inside a message, as the argument of a task or its
/// result. It brings the arena along. There it is [opened](Self::open), and is that process's alone from then on.
///
/// ```
/// use multiproc_shm::transfer;
/// use multiproc_shm::{Arena, ArenaParcel};
///
/// let arena = Arena::new(1 << 20)?;
/// let mut frame = arena.alloc_zeroed::<u8>(1000)?;
/// frame[7] = 42;
/// let parcel = frame.into_parcel();
///
/// // What `connection.send(parcel)` does, and the receiver of it.
/// let (bytes, mut sent) = transfer::encoding(0, || postcard::to_stdvec(&parcel));
/// sent.transfers.commit();
/// let fds = sent.fds.drain(..).map(Some).collect();
/// let (received, _) = transfer::decoding(fds, || postcard::from_bytes::<ArenaParcel<[u8]>>(bytes.as_ref().unwrap()));
///
/// assert_eq!(received?.open()?[7], 42);
/// assert!(parcel.open().is_err()); // it was sent
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What happens to it
///
/// | event | the block |
/// |---|---|
/// | its message could not be encoded or sent | stays this process's: the parcel can be opened, or sent again |
/// | it was sent, and received | is the receiver's; here the parcel is empty |
/// | it was sent, and the message ended unread, with its receiver say | is free once somebody [sweeps](super::Arena::sweep) |
/// | its sender dies meanwhile | stays in the message, and goes to who receives that |
/// | it is encoded while it is on its way | the second message is refused |
/// | its bytes are decoded twice, as of a task that is tried again | who comes second is refused |
/// | dropped | is free, unless it was sent |
/// | `fork` | is the parent's; the child's parcel is empty |
///
/// # What does not compile
///
/// A second one of the same block:
///
/// ```compile_fail,E0599
/// let parcel = multiproc_shm::Arena::new(1).unwrap().alloc(7_u64).unwrap().into_parcel();
/// let twice = parcel.clone();
/// ```
///
/// To open it twice, or to keep its box beside it:
///
/// ```compile_fail,E0382
/// let parcel = multiproc_shm::Arena::new(1).unwrap().alloc(7_u64).unwrap().into_parcel();
/// let number = parcel.open().unwrap();
/// let again = parcel.open().unwrap();
/// ```
///
/// ```compile_fail,E0382
/// let mut number = multiproc_shm::Arena::new(1).unwrap().alloc(7_u64).unwrap();
/// let parcel = number.into_parcel();
/// *number += 1;
/// ```
///
/// # Cost
///
/// Sending opens the arena's file anew and locks a byte of it, a few microseconds, and takes a descriptor until the message is received. The
/// value is not copied.
///
/// The kernel keeps the locks of a file in a list, and walks along it with each that comes or goes. So each parcel that is sent, received or dropped
/// takes some 40 ns more for each other one of its arena that is under way: 0.04 ms with 1000 of them, 0.2 ms with 5000; and if all of those end at
/// once, as by the death of their receiver, that takes 1.5 s. Who has thousands under way has several arenas, or puts several values into a block.
pub struct ArenaParcel<T: ArenaContent + ?Sized> {
    ground: Arc<Anchor>,
    place: Place,
    content: NonNull<T>,
    /// The word by which this process, or a message of its, has the block; 0: neither has.
    known: Arc<AtomicU64>,
    made_by: Generation,
}

/// A parcel that is on its way, or was received by another.
#[derive(Error)]
#[error("the parcel was sent: its block is in a message, or another process's")]
pub struct ParcelSent<T: ArenaContent + ?Sized>(
    /// The parcel. If its message does not go after all, it can be opened.
    pub ArenaParcel<T>,
);

impl<T: ArenaContent + ?Sized> fmt::Debug for ParcelSent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParcelSent(..)")
    }
}

/// Nobody here has the block. As a word: closed.
const GONE: u64 = 0;

/// The parcel was dropped while a message had the block: if it comes back, nobody wants it. As a word: closed.
const UNWANTED: u64 = 1;

impl<T: ArenaContent + ?Sized> ArenaParcel<T> {
    /// # Safety
    ///
    /// As for [`ArenaBox::of`].
    pub(super) unsafe fn of(
        ground: Arc<Anchor>,
        place: Place,
        word: Word,
        content: NonNull<T>,
        made_by: Generation,
    ) -> Self {
        Self { ground, place, content, known: Arc::new(AtomicU64::new(word.to_bits())), made_by }
    }

    /// The word, if the block is this process's.
    fn word(&self) -> Option<Word> {
        // Acquire: with the Release of what became of a message.
        let word = Word::from_bits(self.known.load(Acquire));
        (self.made_by.is_ours() && word.state() == State::Owned).then_some(word)
    }

    /// The value, for whoever has the parcel.
    ///
    /// # Errors
    ///
    /// [`ParcelSent`] with the parcel, if it is on its way or was received; also in a fork of the process that has it.
    pub fn open(self) -> Result<ArenaBox<T>, ParcelSent<T>> {
        let Some(word) = self.word() else { return Err(ParcelSent(self)) };
        // Nobody encodes it meanwhile, and no message of it is pending: a message's word is another.
        self.known.store(GONE, Release);
        // SAFETY: this process has the block by this word, and the parcel, which ends here without releasing it, was the only one here to know.
        Ok(unsafe { ArenaBox::of(self.ground.clone(), self.place, word, self.content, self.made_by) })
    }

    /// The first phase: from now on the message has the block that is being encoded; and for the second one, the message knows whom to tell.
    pub(super) fn take_off(&self) -> Result<Flight, ParcelError> {
        let word = self.word().ok_or(ParcelError::Sent)?;
        // Before the word says that a message has it: whoever sees that finds the lock, or knows that the message has ended.
        let lock = self.ground.flight(self.place)?;
        let (block, ..) = self.ground.block_at(self.place, word).ok_or(DAMAGED)?;
        let flight = block.take_off(word).ok_or(ParcelError::Sent)?;
        self.known.store(flight.to_bits(), Release);
        let journey = Journey {
            ground: self.ground.clone(),
            place: self.place,
            flight,
            before: word,
            known: self.known.clone(),
            _lock: lock.clone(),
        };
        // What is refused from here on rolls it back.
        transfer::register(Box::new(journey))?;
        Ok(Flight { lock, word: flight, place: self.place, len: T::elements(self.content) })
    }

    /// The block of a message that was received, which is this process's from now on.
    pub(super) fn land(ground: Arc<Ground>, flight: &Flight) -> Result<Self, ParcelError> {
        let process = ProcessName::this().map_err(ParcelError::Identity)?;
        let Flight { word, place, len, .. } = *flight;
        let found = ground.block_at(place, word).filter(|_| word.state() == State::InFlight);
        // Stable if the exchange below succeeds: as long as a block is in flight its span is what it is.
        let (block, size, address) = found.ok_or(ParcelError::Gone)?;
        if T::bytes(len).is_none_or(|bytes| bytes > size.bytes()) {
            return Err(ShmError::Corrupt { what: "a parcel is longer than its block" }.into());
        }
        let owned = block.land(word, process).ok_or(ParcelError::Gone)?;
        ground.has_landed(place, &flight.lock);
        let content = T::at(address, len);
        // SAFETY: won by the exchange; the value lies in the block, initialised by whoever made it, and any bytes are one.
        Ok(unsafe { Self::of(Anchor::new(ground.clone()), place, owned, content, Generation::now()) })
    }
}

const DAMAGED: ParcelError =
    ParcelError::Memory(ShmError::Corrupt { what: "the words of an arena were overwritten" });

/// What of a parcel is in a message.
pub(super) struct Flight {
    /// Locks the block's byte.
    pub(super) lock: Descriptor,
    pub(super) word: Word,
    pub(super) place: Place,
    pub(super) len: usize,
}

/// What is to be told when the message went, or did not.
struct Journey {
    ground: Arc<Anchor>,
    place: Place,
    flight: Word,
    before: Word,
    known: Arc<AtomicU64>,
    /// Kept until then: without it, the block could be swept as one whose message has ended.
    _lock: Descriptor,
}

impl Transfer for Journey {
    fn commit(self: Box<Self>) {
        self.known.store(GONE, Release);
    }

    fn roll_back(self: Box<Self>) {
        let block = self.ground.block_at(self.place, self.flight);
        let back = block.and_then(|(block, ..)| block.roll_back(self.flight, self.before));
        // If there is none, somebody has received it in spite of that.
        let known = back.map_or(GONE, Word::to_bits);
        // AcqRel: with that of a parcel's drop. One of the two sees what the other did.
        let seen = self.known.compare_exchange(self.flight.to_bits(), known, AcqRel, Acquire);
        if let (Err(UNWANTED), Some(back)) = (seen, back) {
            self.ground.release(self.place, back);
        }
    }
}

impl<T: ArenaContent + ?Sized> Drop for ArenaParcel<T> {
    fn drop(&mut self) {
        if !self.made_by.is_ours() {
            return;
        }
        let word = Word::from_bits(self.known.swap(UNWANTED, AcqRel));
        if word.state() == State::Owned {
            self.ground.release(self.place, word);
        }
    }
}

// SAFETY: as of the box that it is when it is opened.
unsafe impl<T: ArenaContent + ?Sized + Send> Send for ArenaParcel<T> {}
// SAFETY: nothing of the value is reached by a `&` of the parcel.
unsafe impl<T: ArenaContent + ?Sized + Send> Sync for ArenaParcel<T> {}

impl<T: ArenaContent + ?Sized> fmt::Debug for ArenaParcel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArenaParcel").field("is_here", &self.word().is_some()).finish_non_exhaustive()
    }
}

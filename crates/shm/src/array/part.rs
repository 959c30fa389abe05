//! `ArrayPart`: elements that belong to one process, and are reached without a lock. `unsafe`: gives references to them.
#![allow(unsafe_code)]

use std::fmt;
use std::ops::{Deref, Range};
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use multiproc_sync::shm_safe::ShmPlain;

use super::body::Body;
use super::chunks;
use super::header::MAX_PARTS;
use super::part_state::PartState;
use super::part_word::{PartLock, PartWord};
use crate::error::ShmError;
use crate::holding::HOLD_BYTE;
use crate::sys::ofd;
use crate::transfer::Descriptor;

/// A part of a [split](crate::SharedArray::split) array, for its owner alone: read and written without a lock, and sent to make another process the
/// owner.
///
/// ```
/// use multiproc_shm::SharedArray;
///
/// let mut split = SharedArray::<u64>::zeroed(100)?.split(4)?;
/// let parts = split.take_all()?;
/// std::thread::scope(|scope| {
///     for mut part in parts {
///         // Or sent to another process, as the argument of a task.
///         scope.spawn(move || {
///             let first = part.range().start as u64;
///             part.as_mut_slice().iter_mut().zip(first..).for_each(|(element, n)| *element = n * n);
///         });
///     }
/// });
/// let squares = split.join()?;
/// assert_eq!(squares.get(99).unwrap(), Some(99 * 99));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Once it was sent, a value that was a part is none any more. A send that fails leaves it what it was. Who drops a part lets its splitter take it
/// [back](crate::Split::take).
///
/// A message brings its part once. One that is kept to be sent again, as the tasks of a pool with retries, keeps the part from being taken back until it
/// is let go.
///
/// # Death
///
/// The part of a process that dies, or of a message that dies under way, is nobody's, and its splitter can take it back, which tells whether it
/// [may be torn](Self::may_be_torn). A forgotten part is its process's until that ends.
///
/// # Forks
///
/// In a fork of its owner it is inert: to reach its elements is a panic, to send it an error, and to drop it does nothing. A fork that outlives its
/// parent keeps the part from being taken back until it ends, too, or becomes another program.
///
/// # Cost
///
/// A descriptor for each part that a process has. To read or write: a load.
///
/// # What does not compile
///
/// A second one of the same elements:
///
/// ```compile_fail,E0599
/// let mut split = multiproc_shm::SharedArray::<u64>::zeroed(4).unwrap().split(2).unwrap();
/// let part = split.take(0).unwrap().unwrap();
/// let twice = part.clone();
/// ```
///
/// To read or write on while it is sent, which takes it by value:
///
/// ```compile_fail,E0505
/// fn send<T>(value: T) {}
/// let mut split = multiproc_shm::SharedArray::<u64>::zeroed(4).unwrap().split(2).unwrap();
/// let mut part = split.take(0).unwrap().unwrap();
/// let elements = part.as_mut_slice();
/// send(part);
/// elements[0] = 1;
/// ```
///
/// To write while it is read:
///
/// ```compile_fail,E0502
/// let mut split = multiproc_shm::SharedArray::<u64>::zeroed(4).unwrap().split(2).unwrap();
/// let mut part = split.take(0).unwrap().unwrap();
/// let reading = part.read();
/// part.as_mut_slice()[0] = 1;
/// drop(reading);
/// ```
///
/// A message that is made of a reference is no way round that: who [reads](Self::read) keeps the part from being sent.
pub struct ArrayPart<T: ShmPlain + Send + Sync> {
    // Before `own`: who sees that nobody has the part sees that nobody holds the memory for it.
    body: Body<T>,
    own: Arc<Own>,
    /// Noted, as the array may be joined and split anew once this part is gone.
    range: Range<usize>,
}

/// What an owner has, until the part is gone.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) state: PartState,
    /// Another one whenever a message did not go.
    pub(super) number: AtomicU64,
    /// Of a description that no other part has; none once the part is gone.
    pub(super) descriptor: Mutex<Option<Descriptor>>,
    /// Whether somebody has ended in the middle of a change, and nobody has mended it since.
    pub(super) torn: AtomicBool,
    /// Whether the part is nobody's any more, so that its lock ends with this.
    ended: AtomicBool,
    pub(super) index: usize,
}

/// The byte of a part, as locked by a description.
pub(super) struct PartByte<'a> {
    pub(super) fd: BorrowedFd<'a>,
    pub(super) index: usize,
}

impl PartByte<'_> {
    fn byte(&self) -> u64 {
        HOLD_BYTE + 1 + self.index as u64
    }
}

impl PartLock for PartByte<'_> {
    fn share(&self) -> io::Result<bool> {
        ofd::lock_for_reading(self.fd, self.byte())
    }

    fn exclude(&self) -> io::Result<bool> {
        ofd::lock_for_writing(self.fd, self.byte())
    }

    fn end_excluding(&self) -> io::Result<()> {
        ofd::unlock(self.fd, self.byte())
    }
}

impl<T: ShmPlain + Send + Sync> ArrayPart<T> {
    /// The part of this index, of so many, that the owner of this number has, by the lock of this descriptor. How many there are the caller
    /// knows for sure, from before: whoever has the memory may have written another number to the header since.
    pub(super) fn new(
        body: Body<T>,
        (index, parts): (usize, usize),
        number: u64,
        descriptor: Descriptor,
        torn: bool,
    ) -> Self {
        debug_assert!(index < parts && parts <= MAX_PARTS);
        let own = Own {
            state: PartState::default(),
            number: AtomicU64::new(number),
            descriptor: Mutex::new(Some(descriptor)),
            torn: AtomicBool::new(torn),
            ended: AtomicBool::new(false),
            index,
        };
        let range = chunks::part(body.len(), parts, index);
        Self { body, own: Arc::new(own), range }
    }

    /// Where its elements lie in the whole array.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Which part it is, of those that the array was split into.
    pub fn index(&self) -> usize {
        self.own.index
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.range().len()
    }

    /// Whether it has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an owner before this one ended with it, perhaps in the middle of a change: its process died, or a thread that panicked dropped it. A
    /// panic that was caught with the part at hand is not told. It goes along in messages, and is told until somebody says
    /// [otherwise](Self::mark_consistent).
    ///
    /// ```
    /// use multiproc_shm::{JoinError, SharedArray};
    ///
    /// let mut split = SharedArray::from_slice(&[1, 2, 3, 4])?.split(2)?;
    /// let mut part = split.take(0)?.unwrap();
    /// let worker = std::thread::spawn(move || {
    ///     part.as_mut_slice()[0] = 9;
    ///     panic!("in the middle of it");
    /// });
    /// assert!(worker.join().is_err());
    /// let Err(JoinError::Torn(mut split, 0)) = split.join() else { panic!("half of it is new") };
    /// let mut part = split.take(0)?.unwrap();
    /// assert!(part.may_be_torn());
    /// part.as_mut_slice().copy_from_slice(&[9, 8]);
    /// part.mark_consistent();
    /// drop(part);
    /// assert_eq!(*split.join()?.read().unwrap(), [9, 8, 3, 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "owner_died")]
    pub fn may_be_torn(&self) -> bool {
        self.own.torn.load(Relaxed)
    }

    /// Says that the elements are whole again.
    pub fn mark_consistent(&mut self) {
        self.own.torn.store(false, Relaxed);
    }

    /// The elements, to read. The part cannot be sent meanwhile.
    ///
    /// ```
    /// let mut split = multiproc_shm::SharedArray::from_slice(&[1, 2, 3])?.split(2)?;
    /// let part = split.take(0)?.unwrap();
    /// assert_eq!(*part.read(), [1, 2]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the part was sent, or is in a message that is not sent yet, and in a fork of its owner.
    #[track_caller]
    pub fn read(&self) -> PartReadGuard<'_, T> {
        self.assert_is(self.body.holding().is_ours() && self.own.state.begin_reading());
        PartReadGuard { part: self }
    }

    /// The elements, to write.
    ///
    /// # Panics
    ///
    /// As [`read`](Self::read).
    #[track_caller]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        self.assert_is(self.body.holding().is_ours() && self.own.state.is_here());
        let (first, range) = (self.body.elements().cast::<T>(), self.range());
        // SAFETY: elements of this part, which is this process's and not on its way: nobody else reaches them. A message takes `&self` to be
        // made, so that there is none as long as the slice lives.
        unsafe { std::slice::from_raw_parts_mut(first.as_ptr().add(range.start), range.len()) }
    }

    #[track_caller]
    fn assert_is(&self, is_here: bool) {
        assert!(self.body.holding().is_ours(), "{}", ShmError::Forked);
        assert!(is_here, "part {} was sent: it is its receiver's", self.index());
    }

    pub(super) fn body(&self) -> &Body<T> {
        &self.body
    }

    pub(super) fn own(&self) -> &Arc<Own> {
        &self.own
    }

    pub(super) fn word(&self) -> &PartWord {
        &self.body.header().words[self.index()]
    }
}

impl<T: ShmPlain + Send + Sync> Drop for ArrayPart<T> {
    fn drop(&mut self) {
        if !self.body.holding().is_ours() {
            return;
        }
        if thread::panicking() {
            self.own.torn.store(true, Relaxed);
        }
        if self.own.state.end() {
            self.own.end(self.word());
        }
        // One in a message is ended if that is rolled back.
    }
}

/// It shows no elements.
impl<T: ShmPlain + Send + Sync> fmt::Debug for ArrayPart<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("ArrayPart");
        shown.field("index", &self.index()).field("range", &self.range()).finish_non_exhaustive()
    }
}

/// The elements of an [`ArrayPart`] while they are read.
pub struct PartReadGuard<'a, T: ShmPlain + Send + Sync> {
    part: &'a ArrayPart<T>,
}

impl<T: ShmPlain + Send + Sync> Deref for PartReadGuard<'_, T> {
    type Target = [T];

    #[track_caller]
    fn deref(&self) -> &[T] {
        let part = self.part;
        assert!(part.body.holding().is_ours(), "{}", ShmError::Forked);
        let (first, range) = (part.body.elements().cast::<T>(), part.range());
        // SAFETY: elements of the part, which is this process's and is not sent as long as this lives; who writes has the part for itself.
        unsafe { std::slice::from_raw_parts(first.as_ptr().add(range.start), range.len()) }
    }
}

impl<T: ShmPlain + Send + Sync> Drop for PartReadGuard<'_, T> {
    fn drop(&mut self) {
        self.part.own.state.end_reading();
    }
}

impl<T: ShmPlain + Send + Sync + fmt::Debug> fmt::Debug for PartReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl Own {
    /// The descriptor that goes along with the part; `None` once that is gone.
    pub(super) fn travelling(&self) -> Option<Descriptor> {
        self.descriptor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As the owner of the part: read once `state` says that it is here, or by who rolls back.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Relaxed)
    }

    /// The part is nobody's once this is dropped, after the memory: who sees that nobody has the part is to see that nobody holds the memory for
    /// it.
    pub(super) fn end(&self, word: &PartWord) {
        if self.torn.load(Relaxed) {
            // It stays its number's, which says so.
            word.abandon();
        } else {
            word.give_up(self.number());
        }
        self.ended.store(true, Relaxed);
    }

    /// The part is its receiver's.
    pub(super) fn let_go(&self) {
        self.state.commit();
        self.descriptor.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // In a fork it is a copy, which nobody has ended: the lock is the parent's.
        if !*self.ended.get_mut() {
            return;
        }
        let descriptor = self.descriptor.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(descriptor) = descriptor {
            // Not by closing alone: a fork, or a child that has not yet executed its program, may have a copy of the descriptor. What cannot be
            // unlocked ends with the last of them.
            let _ = PartByte { fd: descriptor.borrowed(), index: self.index }.end_excluding();
            let _ = ofd::unlock(descriptor.borrowed(), HOLD_BYTE);
        }
    }
}

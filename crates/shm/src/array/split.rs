//! `Split`: an array in parts, and who gives them away.

use std::error::Error;
use std::fmt;
use std::os::fd::AsFd;

use multiproc_sync::shm_safe::ShmPlain;

use super::body::Body;
use super::chunks::Chunks;
use super::header::{ArrayMode, MAX_PARTS};
use super::part::{ArrayPart, PartByte};
use super::part_word::{Left, PartLock};
use super::{ModeError, SharedArray};
use crate::error::ShmError;
use crate::planted::{Bug, planted};

/// A [`SharedArray`] in disjoint parts, each with one owner at a time who needs no lock.
///
/// Who has split the array has this: it gives parts away, takes those back that nobody has any more, and joins them in the end. A part that is
/// sent and dropped by a worker needs no answer: it is taken from here again.
///
/// ```
/// use multiproc_shm::{JoinError, SharedArray};
///
/// let mut split = SharedArray::<f32>::zeroed(10)?.split(3)?;
/// let mut last = split.take(2)?.unwrap();
/// assert_eq!(last.range(), 7..10);
/// assert!(split.take(2)?.is_none(), "somebody has it");
/// last.as_mut_slice().fill(0.5);
/// let Err(JoinError::Missing(mut split, 2)) = split.join() else { panic!("part 2 is out") };
/// drop(last);
/// assert_eq!(*split.take(2)?.unwrap().read(), [0.5; 3]);
/// let joined = split.join()?;
/// assert_eq!(joined.get(9).unwrap(), Some(0.5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Death
///
/// Dropped, or gone with its process, it leaves the parts to their owners, and nobody joins them; the memory is gone with the last of them.
///
/// # Forks
///
/// In a fork it is inert: all that it does is [`Forked`](ShmError::Forked).
///
/// # What does not compile
///
/// Two who give the same parts away:
///
/// ```compile_fail,E0599
/// let split = multiproc_shm::SharedArray::<u64>::zeroed(4).unwrap().split(2).unwrap();
/// let twice = split.clone();
/// ```
///
/// To send it to another process, which could give away what this one has taken:
///
/// ```compile_fail,E0277
/// use multiproc_shm::{SharedArray, transfer};
/// let split = SharedArray::<u64>::zeroed(4).unwrap().split(2).unwrap();
/// transfer::encoding(0, || postcard::to_stdvec(&split)); // its parts can be encoded
/// ```
pub struct Split<T: ShmPlain + Send + Sync> {
    body: Body<T>,
    places: Box<[Place]>,
}

/// Where a part is, and whether it may be torn; where it is out, whether it might be when it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Here { torn: bool },
    Out { torn: bool },
}

impl<T: ShmPlain + Send + Sync> SharedArray<T> {
    /// Has the array be `n` parts, balanced as [`chunks`](Self::chunks) are, which have an owner each.
    ///
    /// The lock is what it was when the array is [joined](Split::join): poisoned, if it was.
    ///
    /// # Errors
    ///
    /// [`ModeError`], with the array: unless this is the only handle of all processes, messages under way included; and for no parts at all or
    /// more than [`MAX_PARTS`].
    #[doc(alias = "numpy.array_split")]
    #[doc(alias = "split_at_mut")]
    pub fn split(self, n: usize) -> Result<Split<T>, ModeError<Self>> {
        if !(1..=MAX_PARTS).contains(&n) {
            return Err(ModeError::Parts(self, n));
        }
        let changed = self.body.into_mode(ArrayMode::Split, |body| body.header().set_parts(n));
        match changed {
            Ok(body) => Ok(Split { body, places: vec![Place::Here { torn: false }; n].into() }),
            Err(error) => Err(error.map(|body| Self { body })),
        }
    }
}

impl<T: ShmPlain + Send + Sync> Split<T> {
    /// How many parts there are.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// Where the elements of each part lie in the whole array.
    pub fn ranges(&self) -> Chunks {
        Chunks::new(self.body.len(), self.places.len())
    }

    /// The part of this index, if nobody has it: it was never taken, was dropped by whoever had it, or that one has died. `None`: somebody has it, or
    /// a message brings it.
    ///
    /// [`ArrayPart::may_be_torn`] tells of one that died with it, also if that was sent on since, and came back unread.
    ///
    /// # Errors
    ///
    /// [`Kernel`](ShmError::Kernel), too many open files most often; [`Forked`](ShmError::Forked).
    ///
    /// # Panics
    ///
    /// If there is no such part.
    pub fn take(&mut self, index: usize) -> Result<Option<ArrayPart<T>>, ShmError> {
        let Place::Here { torn } = self.look(index)? else { return Ok(None) };
        let descriptor = self.body.holding().another()?;
        let byte = PartByte { fd: descriptor.borrowed(), index };
        if !byte.share().map_err(ShmError::kernel("lock a part"))? {
            return Err(ShmError::Corrupt { what: "a part that is here is locked" });
        }
        let number = self.body.header().words[index].give();
        self.places[index] = Place::Out { torn };
        Ok(Some(ArrayPart::new(self.body.clone(), (index, self.count()), number, descriptor, torn)))
    }

    /// All parts that nobody has.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take); those that were taken before it are here again.
    pub fn take_all(&mut self) -> Result<Vec<ArrayPart<T>>, ShmError> {
        (0..self.count()).filter_map(|index| self.take(index).transpose()).collect()
    }

    /// The indices of the parts that somebody has, or a message brings.
    ///
    /// # Errors
    ///
    /// As [`take`](Self::take).
    pub fn missing(&mut self) -> Result<Vec<usize>, ShmError> {
        let mut missing = Vec::new();
        for index in 0..self.count() {
            if matches!(self.look(index)?, Place::Out { .. }) {
                missing.push(index);
            }
        }
        Ok(missing)
    }

    /// Has the array be one again, behind its lock, once nobody has a part.
    ///
    /// # Errors
    ///
    /// [`JoinError`], with the parts: somebody has one, or somebody has died with one that nobody has mended since.
    pub fn join(mut self) -> Result<SharedArray<T>, JoinError<Self>> {
        for index in 0..self.count() {
            match self.look(index) {
                Ok(Place::Here { torn: false }) => {}
                Ok(Place::Here { torn: true }) => return Err(JoinError::Torn(self, index)),
                Ok(Place::Out { .. }) if planted(Bug::JoinedUnasked) => {}
                Ok(Place::Out { .. }) => return Err(JoinError::Missing(self, index)),
                Err(error) => return Err(JoinError::Refused(self, error)),
            }
        }
        // Who has no part and holds the memory still, reaches nothing of it.
        self.body.header().set_mode(ArrayMode::Locked);
        Ok(SharedArray { body: self.body })
    }

    /// Where the part is; takes it back if nobody has it.
    fn look(&mut self, index: usize) -> Result<Place, ShmError> {
        assert!(index < self.count(), "no part {index} of {}", self.count());
        if !self.body.holding().is_ours() {
            return Err(ShmError::Forked);
        }
        if let Place::Out { torn } = self.places[index] {
            let byte = PartByte { fd: self.body.holding().memory().as_fd(), index };
            let left = self.body.header().words[index].take_back(&byte);
            if let Some(left) = left.map_err(ShmError::kernel("lock a part"))? {
                let torn = match left {
                    Left::Whole => false,
                    Left::Torn => true,
                    Left::Lost => torn,
                };
                self.places[index] = Place::Here { torn };
            }
        }
        Ok(self.places[index])
    }
}

impl<T: ShmPlain + Send + Sync> fmt::Debug for Split<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Split");
        shown.field("shape", &self.body.shape()).field("count", &self.count()).finish_non_exhaustive()
    }
}

/// Why an array is in parts still, with what gives them away.
#[non_exhaustive]
pub enum JoinError<S> {
    /// Somebody has the part of this index, or a message brings it: wait until they are done with it.
    Missing(S, usize),
    /// Who had the part of this index has died with it, and may have been in the middle of a change: [take](Split::take) it, mend it,
    /// [say so](ArrayPart::mark_consistent) and drop it.
    Torn(S, usize),
    /// The handle was inherited by a fork, or the kernel refused.
    Refused(S, ShmError),
}

impl<S> JoinError<S> {
    /// What gives the parts away.
    pub fn into_split(self) -> S {
        match self {
            Self::Missing(split, _) | Self::Torn(split, _) | Self::Refused(split, _) => split,
        }
    }
}

/// Without the parts, so that a result can be unwrapped whatever it holds.
impl<S> fmt::Debug for JoinError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(_, index) => write!(f, "Missing(.., {index})"),
            Self::Torn(_, index) => write!(f, "Torn(.., {index})"),
            Self::Refused(_, error) => f.debug_tuple("Refused").field(error).finish(),
        }
    }
}

impl<S> fmt::Display for JoinError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(_, index) => {
                write!(
                    f,
                    "somebody has part {index} of the array, or a message brings it: wait until it is dropped"
                )
            }
            Self::Torn(_, index) => write!(
                f,
                "a process or thread ended with part {index} of the array, which may be half written: take it, mend it, \
                 mark it consistent and drop it"
            ),
            Self::Refused(_, error) => write!(f, "the parts of the array could not be joined: {error}"),
        }
    }
}

impl<S> Error for JoinError<S> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(_, error) => Some(error),
            _ => None,
        }
    }
}

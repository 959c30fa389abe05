//! Changes of an array's mode, by its only holder.

use std::error::Error;
use std::fmt;

use multiproc_sync::shm_safe::ShmPlain;

use super::header::{ArrayMode, MAX_PARTS};
use super::{AtomicArray, AtomicElement, Body, SharedArray};
use crate::error::ShmError;
use crate::holding::Others;
use crate::planted::{Bug, planted};

/// Why an array is in the mode that it was in, with the array.
#[non_exhaustive]
pub enum ModeError<A> {
    /// This process has another handle of it: drop that.
    Here(A),
    /// Another process has a handle, or a message that is under way or kept to be sent again brings one.
    Elsewhere(A),
    /// There are not so many parts: none at all, or more than [`MAX_PARTS`].
    Parts(A, usize),
    /// What stands in the way of all changes: the handle was inherited by a fork, or the kernel refused.
    Refused(A, ShmError),
}

impl<A> ModeError<A> {
    /// The array.
    pub fn into_array(self) -> A {
        match self {
            Self::Here(array) | Self::Elsewhere(array) | Self::Parts(array, _) | Self::Refused(array, _) => {
                array
            }
        }
    }

    pub(super) fn map<B>(self, change: impl FnOnce(A) -> B) -> ModeError<B> {
        match self {
            Self::Here(array) => ModeError::Here(change(array)),
            Self::Elsewhere(array) => ModeError::Elsewhere(change(array)),
            Self::Parts(array, n) => ModeError::Parts(change(array), n),
            Self::Refused(array, error) => ModeError::Refused(change(array), error),
        }
    }
}

/// Without the array, so that a result can be unwrapped whatever it holds.
impl<A> fmt::Debug for ModeError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(_) => f.write_str("Here(..)"),
            Self::Elsewhere(_) => f.write_str("Elsewhere(..)"),
            Self::Parts(_, n) => write!(f, "Parts(.., {n})"),
            Self::Refused(_, error) => f.debug_tuple("Refused").field(error).finish(),
        }
    }
}

impl<A> fmt::Display for ModeError<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(_) => f.write_str(
                "the array's mode is changed by its only holder, and this process has another handle of it: drop that first",
            ),
            Self::Elsewhere(_) => f.write_str(
                "the array's mode is changed by its only holder, and another process or a message has a handle of it: \
                 wait until they are done with it",
            ),
            Self::Parts(_, n) => write!(f, "an array is split into 1 to {MAX_PARTS} parts, not into {n}"),
            Self::Refused(_, error) => write!(f, "the array's mode could not be changed: {error}"),
        }
    }
}

impl<A> Error for ModeError<A> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(_, error) => Some(error),
            _ => None,
        }
    }
}

impl<T: ShmPlain + Send + Sync> Body<T> {
    /// Has the array be in another mode, if this is the only handle of all processes. `prepare` runs before, while nobody else can get one.
    pub(super) fn into_mode(
        self,
        mode: ArrayMode,
        prepare: impl FnOnce(&Self),
    ) -> Result<Self, ModeError<Self>> {
        if !self.holding().is_ours() {
            return Err(ModeError::Refused(self, ShmError::Forked));
        }
        if planted(Bug::ModeChangedUnasked) {
            prepare(&self);
            self.header().set_mode(mode);
            return Ok(self);
        }
        let done = self.holding().try_exclusive().map(|exclusive| {
            exclusive.map(|_exclusive| {
                prepare(&self);
                self.header().set_mode(mode);
            })
        });
        match done {
            Ok(Ok(())) => Ok(self),
            Ok(Err(Others::Here)) => Err(ModeError::Here(self)),
            Ok(Err(Others::Elsewhere)) => Err(ModeError::Elsewhere(self)),
            Err(error) => Err(ModeError::Refused(self, error)),
        }
    }
}

impl<T: AtomicElement> SharedArray<T> {
    /// Has the elements be atomics, which everybody reaches at any time without a lock.
    ///
    /// The lock is what it was when the array [comes back](AtomicArray::into_locked): poisoned, if it was.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// use multiproc_shm::{ModeError, SharedArray};
    ///
    /// let counts = SharedArray::<u64>::zeroed(256)?;
    /// let other = counts.clone();
    /// let Err(ModeError::Here(counts)) = counts.into_atomics() else { panic!("there is another handle") };
    /// drop(other);
    /// let counts = counts.into_atomics()?;
    /// counts[77].fetch_add(1, Relaxed);
    /// let counts = counts.into_locked()?;
    /// assert_eq!(counts.get(77).unwrap(), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A process that dies meanwhile, at whatever instruction, leaves an array in one mode or the other.
    ///
    /// # Errors
    ///
    /// [`ModeError`], with the array: unless this is the only handle of all processes, messages under way included.
    pub fn into_atomics(self) -> Result<AtomicArray<T>, ModeError<Self>> {
        let changed = self.body.into_mode(ArrayMode::Atomic, |_| {});
        changed.map(AtomicArray::of).map_err(|error| error.map(|body| Self { body }))
    }
}

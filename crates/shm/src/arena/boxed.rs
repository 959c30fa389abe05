//! `ArenaBox`: a value in an arena, this process's alone. `unsafe`: references into shared memory.
#![allow(unsafe_code)]

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

use multiproc_sync::Generation;

use super::content::ArenaContent;
use super::ground::{Ground, Size};
use super::parcel::ArenaParcel;
use super::spans::Place;
use super::word::{RUN, Word};

/// A value in an [`Arena`](super::Arena), which this process alone has: it reads and writes it as it would a [`Box`]. Dropping it gives the
/// block back to the arena. Only plain values lie there, so that nothing else is to be dropped.
///
/// ```
/// use multiproc_shm::Arena;
///
/// let arena = Arena::new(1 << 20)?;
/// let mut point = arena.alloc([1.0_f64, 2.0])?;
/// point[0] += 1.0;
/// let mut row = arena.alloc_slice(&[3_u32, 4, 5])?;
/// row.reverse();
/// assert_eq!((&*point, &row[..]), (&[2.0, 2.0], &[5, 4, 3][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Sending
///
/// A box is not sent itself, but put into an [`ArenaParcel`] first. Its encoder has a `&` of it, beside which other references could read on
/// while the receiver writes:
///
/// ```compile_fail,E0277
/// use multiproc_shm::{Arena, transfer};
/// let number = Arena::new(1).unwrap().alloc(7_u64).unwrap();
/// transfer::encoding(0, || postcard::to_stdvec(&number)); // `number.into_parcel()` can be encoded
/// ```
///
/// # What happens to it
///
/// | event | the block |
/// |---|---|
/// | dropped, also by a panic | is free |
/// | `mem::forget`, leaked | is this process's, until that ends |
/// | moved, sent to another thread, the thread ends | stays this process's |
/// | the process ends, or is killed, at whatever instruction | is free once somebody [sweeps](super::Arena::sweep), or finds the arena full |
/// | `exec` | is this process's, until that ends |
/// | `fork` | is the parent's; in the child a use of the box panics, and dropping it does nothing |
/// | the last [`Arena`](super::Arena) is dropped | stays: the box keeps the memory |
///
/// # Panics
///
/// In a fork of its process, at each use.
pub struct ArenaBox<T: ArenaContent + ?Sized> {
    content: NonNull<T>,
    made_by: Generation,
    held: Held,
}

/// A block that this process has.
struct Held {
    /// `None`: another has the block by now.
    ground: Option<Arc<Ground>>,
    place: Place,
    word: Word,
    made_by: Generation,
}

impl Drop for Held {
    #[inline]
    fn drop(&mut self) {
        if let Some(ground) = &self.ground
            && self.made_by.is_ours()
        {
            ground.release(self.place, self.word);
        }
    }
}

impl<T: ArenaContent + ?Sized> ArenaBox<T> {
    /// # Safety
    ///
    /// The calling process has the block at `place`, by `word`, with nobody else to use it; `content` lies in it, initialised, where that was
    /// not done by others.
    pub(super) unsafe fn of(
        ground: Arc<Ground>,
        place: Place,
        word: Word,
        content: NonNull<T>,
        made_by: Generation,
    ) -> Self {
        Self { content, made_by, held: Held { ground: Some(ground), place, word, made_by } }
    }

    /// Makes it ready to be sent: no reference to the value is left that could read on while another process writes.
    ///
    /// ```
    /// use multiproc_shm::Arena;
    /// let parcel = Arena::new(1)?.alloc(7_u64)?.into_parcel();
    /// assert_eq!(*parcel.open()?, 7); // it was not sent
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_parcel(mut self) -> ArenaParcel<T> {
        let ground = self.held.ground.take().expect("a box has its block until it becomes a parcel");
        // SAFETY: this box had the block, and ends here without releasing it.
        unsafe { ArenaParcel::of(ground, self.held.place, self.held.word, self.content, self.made_by) }
    }

    /// How many bytes of the arena it takes: what it was rounded up to.
    pub fn block_len(boxed: &Self) -> usize {
        match boxed.held.word.class() {
            RUN => Size::of(T::bytes(T::elements(boxed.content)).expect("it was allocated")).bytes(),
            class => Size::Class(class).bytes(),
        }
    }

    #[inline]
    fn check(&self) {
        assert!(
            self.made_by.is_ours(),
            "this process is a fork of the one that has the ArenaBox: allocate in the child, or send it a parcel"
        );
    }
}

impl<T: ArenaContent + ?Sized> Deref for ArenaBox<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.check();
        // SAFETY: mapped as long as `held` has the ground, aligned, initialised; this process alone has the block until `held` ends, which
        // its word says to all others; it is no fork of it; and of this process, who has a reference has borrowed this box.
        unsafe { self.content.as_ref() }
    }
}

impl<T: ArenaContent + ?Sized> DerefMut for ArenaBox<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.check();
        // SAFETY: as above; borrowed alone.
        unsafe { self.content.as_mut() }
    }
}

// SAFETY: as `Box<T>`: the block is the process's, whichever thread has the box.
unsafe impl<T: ArenaContent + ?Sized + Send> Send for ArenaBox<T> {}
// SAFETY: as `&T`.
unsafe impl<T: ArenaContent + ?Sized + Sync> Sync for ArenaBox<T> {}

impl<T: ArenaContent + ?Sized> From<ArenaBox<T>> for ArenaParcel<T> {
    fn from(boxed: ArenaBox<T>) -> Self {
        boxed.into_parcel()
    }
}

impl<T: ArenaContent + ?Sized + fmt::Debug> fmt::Debug for ArenaBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.made_by.is_ours() { (**self).fmt(f) } else { f.write_str("ArenaBox(of another process)") }
    }
}

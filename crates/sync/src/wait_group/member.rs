//! A piece of work that is one thread's, as a guard.

use std::fmt;
use std::marker::PhantomData;

#[cfg(not(multiproc_loom))]
use crate::Generation;

use super::state::{Place, State};
use super::{WaitGroup, WaitGroupError};
use crate::MutexGuard;
use crate::mutex::patience::Patience;

/// A piece of a [`WaitGroup`]'s work, which is done when this is dropped. If its process ends before, all who wait for the group are told.
///
/// It stays with its thread. Forgotten ([`std::mem::forget`]), or leaked by a thread that ends, it is not done, and its process is said
/// to have died when that ends. In a fork of its process it is nothing: to drop it there does nothing.
///
/// ```compile_fail,E0277
/// let group = multiproc_sync::WaitGroup::new();
/// let member = group.join().unwrap();
/// std::thread::scope(|scope| {
///     scope.spawn(move || drop(member));
/// });
/// ```
#[must_use = "the piece of work is done at once if its member is not kept"]
pub struct Member<'a> {
    group: &'a WaitGroup,
    place: Place,
    owner: u64,
    #[cfg(not(multiproc_loom))]
    made_by: Generation,
    /// As a mutex's guard.
    not_send: PhantomData<*mut ()>,
}

impl<'a> Member<'a> {
    pub(super) fn new(group: &'a WaitGroup, place: Place, owner: u64) -> Self {
        Self {
            group,
            place,
            owner,
            #[cfg(not(multiproc_loom))]
            made_by: Generation::now(),
            not_send: PhantomData,
        }
    }

    /// The same as to drop it, but tells if that cannot be.
    ///
    /// # Errors
    ///
    /// Those of [`WaitGroupError`] that keep the calling thread away from the group. Then the piece is not done, and no other thread can
    /// do it before this process has ended.
    pub fn done(self) -> Result<(), WaitGroupError> {
        let done = self.leave();
        std::mem::forget(self);
        done
    }

    fn leave(&self) -> Result<(), WaitGroupError> {
        #[cfg(not(multiproc_loom))] // a model has no forks
        if !self.made_by.is_ours() {
            return Ok(());
        }
        #[cfg(multiproc_loom)] // whose dead threads have destructors
        if crate::primitive::model::is_dead() {
            return Ok(());
        }
        self.group.leave(self.place, self.owner)
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _ = self.leave();
    }
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").finish_non_exhaustive()
    }
}

impl WaitGroup {
    /// Finishes a member's piece. What a signal's hook says of the wait for the mutex, and a panic of it, comes after that.
    pub(super) fn leave(&self, place: Place, owner: u64) -> Result<(), WaitGroupError> {
        let leaves = LeavesIfDropped { group: self, place, owner };
        let locked = self.lock();
        std::mem::forget(leaves);
        match locked {
            Ok((state, _)) => {
                self.leave_locked(state, place, owner);
                Ok(())
            }
            Err(WaitGroupError::Interrupted) => self.leave_uninterrupted(place, owner),
            Err(error) => Err(error),
        }
    }

    fn leave_locked(&self, mut state: MutexGuard<'_, State>, place: Place, owner: u64) {
        let emptied = state.leave(place, owner);
        drop(state);
        self.tell(emptied);
    }

    /// As [`leave`](Self::leave), without a call of the hook.
    #[cold]
    fn leave_uninterrupted(&self, place: Place, owner: u64) -> Result<(), WaitGroupError> {
        loop {
            match self.lock_for(Patience::None) {
                Ok((state, _)) => {
                    self.leave_locked(state, place, owner);
                    return Ok(());
                }
                Err(WaitGroupError::TimedOut) => pause(),
                Err(error) => return Err(error),
            }
        }
    }
}

fn pause() {
    #[cfg(not(multiproc_loom))]
    crate::sys::process::pause(std::time::Duration::from_millis(1));
    #[cfg(multiproc_loom)]
    crate::primitive::model::thread::yield_now();
}

/// A member that is done while it unwinds.
struct LeavesIfDropped<'a> {
    group: &'a WaitGroup,
    place: Place,
    owner: u64,
}

impl Drop for LeavesIfDropped<'_> {
    fn drop(&mut self) {
        #[cfg(multiproc_loom)] // whose dead threads have destructors
        if crate::primitive::model::is_dead() {
            return;
        }
        // Nobody is there to be told.
        let _ = self.group.leave_uninterrupted(self.place, self.owner);
    }
}

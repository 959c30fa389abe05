//! A piece of work that is one thread's, as a guard.

use std::fmt;
use std::marker::PhantomData;

use crate::origin::Origin;

use super::WaitGroup;
use super::state::Place;

/// A piece of a [`WaitGroup`]'s work, which is done when this is dropped. If its process ends before, all who wait for the group are told.
///
/// To drop it never fails: if the thread cannot lock the group, whoever does next finishes the piece for it.
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
    origin: Origin,
    /// As a mutex's guard.
    not_send: PhantomData<*mut ()>,
}

impl<'a> Member<'a> {
    pub(super) fn new(group: &'a WaitGroup, place: Place, owner: u64) -> Self {
        Self { group, place, owner, origin: Origin::here(), not_send: PhantomData }
    }

    /// Ends it as a thread does that cannot lock the group.
    #[cfg(all(test, multiproc_loom))]
    pub(crate) fn leave_unlocked(self) {
        self.group.leavers.add(self.place);
        std::mem::forget(self);
    }

    fn is_ours(&self) -> bool {
        self.origin.is_here()
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        if self.is_ours() {
            self.leave();
        }
    }
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").finish_non_exhaustive()
    }
}

impl Member<'_> {
    /// Finishes its piece, or leaves it to whoever locks the group next.
    fn leave(&self) {
        let unlocked = LeavesIfDropped(self);
        if let Ok(mut state) = self.group.lock_to_finish() {
            std::mem::forget(unlocked);
            let emptied = state.leave(self.place, self.owner);
            drop(state);
            self.group.tell(emptied);
        }
    }
}

/// A member's piece, which whoever locks the group next is to finish: its thread cannot lock any more, or a signal's hook panics
/// meanwhile. In a fork that the hook has made it is the parent's.
struct LeavesIfDropped<'a>(&'a Member<'a>);

impl Drop for LeavesIfDropped<'_> {
    fn drop(&mut self) {
        let Self(member) = self;
        if member.is_ours() {
            member.group.leavers.add(member.place);
            // Who is about to sleep may miss it, and looks again with the next heartbeat.
            member.group.turn.notify_all();
        }
    }
}

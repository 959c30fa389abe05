//! How a thread gets at the state: with the mutex, for as long as it is ready to wait, and as the dead and those who have left without
//! the mutex are to have left it.

use super::state::State;
use super::{WaitGroup, WaitGroupError};
use crate::claims::ANONYMOUS;
use crate::interrupt::masked;
use crate::mutex::patience::Patience;
use crate::planted::{Bug, planted};
use crate::{LockError, LockResult, Mutex, MutexGuard};

impl WaitGroup {
    /// The state, and the name of the calling thread.
    pub(super) fn lock(
        &self,
        patience: Patience<'_>,
    ) -> Result<(MutexGuard<'_, State>, u64), WaitGroupError> {
        let state = self.locked(lock_within(&self.state, patience))?;
        let owner = MutexGuard::owner(&state).unwrap_or(ANONYMOUS);
        Ok((state, owner))
    }

    /// The state, for what no signal may keep from being done: its hook is not asked, and so does not panic or fork, either.
    pub(super) fn lock_to_finish(&self) -> Result<MutexGuard<'_, State>, WaitGroupError> {
        Ok(masked(|| self.lock(Patience::Endless))?.0)
    }

    /// The state as it is to be found: whole, and without those who have left it.
    pub(super) fn locked<'a>(
        &'a self,
        result: LockResult<MutexGuard<'a, State>>,
    ) -> Result<MutexGuard<'a, State>, WaitGroupError> {
        let mut state = match result {
            Ok(state) => state,
            Err(LockError::OwnerDied(state) | LockError::Poisoned(state)) => self.mend(state),
            Err(error) => return Err(error.into()),
        };
        if self.leavers.places().next().is_some() && !planted(Bug::LeaverUnseen) {
            let emptied = self.settle(&mut state);
            self.tell(emptied);
        }
        Ok(state)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn mend<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.mend();
        MutexGuard::mark_consistent(&mut state);
        self.turn.notify_all();
        state
    }

    /// Finishes the pieces of those who could not lock the group; gives whether nothing is left.
    #[cold]
    #[inline(never)]
    pub(super) fn settle(&self, state: &mut State) -> bool {
        let mut emptied = false;
        for place in self.leavers.places() {
            emptied |= state.leave_for(place);
            // After that: who dies in between leaves the bit of a free place, which nobody gets before the bit is gone.
            self.leavers.remove(place);
        }
        emptied
    }
}

/// How long a caller that would wait for less waits for the mutex, which is nobody's for longer unless its process is stopped.
#[cfg(not(multiproc_loom))]
const GRACE: std::time::Duration = std::time::Duration::from_millis(100);

#[cfg(not(multiproc_loom))]
fn lock_within<'a>(state: &'a Mutex<State>, patience: Patience<'_>) -> LockResult<MutexGuard<'a, State>> {
    let grace = || std::time::Instant::now() + GRACE;
    match patience {
        Patience::None => state.lock_deadline(grace()),
        Patience::Until(deadline) => state.lock_deadline(grace().max(*deadline)),
        Patience::Endless => state.lock(),
    }
}

/// In a model nobody is stopped.
#[cfg(multiproc_loom)]
fn lock_within<'a>(state: &'a Mutex<State>, _: Patience<'_>) -> LockResult<MutexGuard<'a, State>> {
    state.lock()
}

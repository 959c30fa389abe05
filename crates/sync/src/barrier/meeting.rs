//! How parties come, wait and leave, and how they get at what the barrier's mutex guards.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
#[cfg(not(multiproc_loom))]
use std::time::Duration;

use super::party::Party;
use super::presence::{anonymous, name};
use super::state::State;
use super::{ArrivalIndex, Barrier, BarrierError};
use crate::mutex::patience::Patience;
use crate::planted::{Bug, planted};
use crate::primitive::{Deadline, fence};
#[cfg(not(multiproc_loom))]
use crate::sys::process::pause;
use crate::{LockError, LockResult, MutexGuard, WaitError};

/// How often one who must not wait asks for the mutex, a millisecond apart. In private memory nobody is stopped with it, and only a
/// fork finds it held for good.
#[cfg(not(multiproc_loom))]
const TRIES: u32 = 3;
#[cfg(not(multiproc_loom))]
const TRIES_IN_PRIVATE: u32 = 1000;

impl Barrier {
    pub(super) fn meet(
        &self,
        deadline: Option<&Deadline>,
        action: Option<impl FnOnce()>,
    ) -> Result<ArrivalIndex, BarrierError> {
        if self.parties == 0 {
            return Err(BarrierError::NoParties);
        }
        // Dropped from the last to the first: a party that leaves early finds the mutex free.
        let (party, mut state) = self.come(deadline)?;
        let index = state.index(self.parties);
        if !index.is_last() {
            return self.wait_for_others(party, state, deadline).map(|()| index);
        }
        state.look_before_it_passes();
        if let Some(action) = action.filter(|_| state.outcome(party.place()).is_none()) {
            drop(state);
            action();
            if !party.is_ours() {
                return Err(BarrierError::Broken); // in a fork that the action has made: its parent is the party
            }
            state = self.lock(Patience::Endless)?;
            state.look_before_it_passes();
        }
        if state.outcome(party.place()).is_none() {
            state.pass();
        }
        party.leave(state, true).map(|()| index)
    }

    /// Takes a place, once there is one in a round that is not complete.
    #[inline(never)]
    pub(super) fn come(
        &self,
        deadline: Option<&Deadline>,
    ) -> Result<(Party<'_>, MutexGuard<'_, State>), BarrierError> {
        let mut state = match self.lock(deadline.map_or(Patience::Endless, Patience::Until)) {
            Err(error @ (BarrierError::TimedOut | BarrierError::Interrupted)) => {
                return Err(self.give_up_from_afar(error));
            }
            locked => locked?,
        };
        loop {
            if let Some(error) = state.broken() {
                return Err(error);
            }
            let owner = name(&state);
            // Else the round is complete but for its action, or the slots are of parties that have not left.
            if state.waiting() < self.parties
                && let Some(place) = state.arrive(owner)
            {
                return Ok((Party::new(self, place), state));
            }
            let (again, end) = match self.sleep(state, deadline) {
                Err(BarrierError::Interrupted) => {
                    return Err(self.give_up_from_afar(BarrierError::Interrupted));
                }
                awake => awake?,
            };
            state = again;
            state.look_for_dead();
            if state.broken().is_some() {
                self.turn.notify_all(); // this one is told by its next look
            } else if let Some(end) = end {
                return Err(self.give_up(state, end.into()));
            }
        }
    }

    fn wait_for_others<'a>(
        &'a self,
        party: Party<'a>,
        mut state: MutexGuard<'a, State>,
        deadline: Option<&Deadline>,
    ) -> Result<(), BarrierError> {
        loop {
            if state.outcome(party.place()).is_some() {
                return party.leave(state, false);
            }
            let end;
            (state, end) = match self.sleep(state, deadline) {
                Ok(awake) => awake,
                Err(error) => return party.leave_early().unwrap_or(Err(error)),
            };
            if !party.is_ours() {
                return Err(BarrierError::Broken); // in a fork that the hook of a signal has made
            }
            if state.outcome(party.place()).is_none() {
                state.look_for_dead();
                if state.broken().is_some() {
                    return party.leave(state, true);
                }
                if let Some(end) = end {
                    state.break_for(0);
                    let _ = party.leave(state, true); // which tells that it is broken, not why
                    return Err(end.into());
                }
            }
        }
    }

    /// Breaks the barrier for one who does not wait any longer and has no place, unless all have come who are waited for. Gives what it
    /// is to be told.
    fn give_up(&self, mut state: MutexGuard<'_, State>, end: BarrierError) -> BarrierError {
        if state.waiting() < self.parties || planted(Bug::OthersBroken) {
            state.break_for(0);
            drop(state);
            self.turn.notify_all();
        }
        end
    }

    /// As [`give_up`](Self::give_up), for one who could not get the mutex.
    #[cold]
    fn give_up_from_afar(&self, end: BarrierError) -> BarrierError {
        let Some(mut state) = self.seize() else {
            // Release: with the Acquire of `collect`.
            self.given_up.fetch_add(1, Release);
            self.turn.notify_all();
            return end;
        };
        state.look_for_dead();
        match state.broken() {
            Some(error) => {
                drop(state);
                self.turn.notify_all();
                error
            }
            None => self.give_up(state, end),
        }
    }

    /// Waits for news; also gives the reason not to wait any longer. An error: that one, without the mutex.
    fn sleep<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        deadline: Option<&Deadline>,
    ) -> Result<(MutexGuard<'a, State>, Option<WaitError>), BarrierError> {
        let (state, result) = match self.turn.wait_until(state, deadline) {
            Ok((state, result)) => (self.received(state), result),
            Err(LockError::OwnerDied((state, result)) | LockError::Poisoned((state, result))) => {
                (self.mend(state), result)
            }
            Err(LockError::Interrupted) => {
                let state = self.seize().ok_or(BarrierError::Interrupted)?;
                return Ok((state, Some(WaitError::Interrupted)));
            }
            Err(error) => return Err(error.into()),
        };
        Ok((state, result.timed_out().then_some(WaitError::TimedOut)))
    }

    pub(super) fn lock(&self, patience: Patience<'_>) -> Result<MutexGuard<'_, State>, BarrierError> {
        self.opened(self.state.acquire(patience)).map_err(BarrierError::from)
    }

    /// The state, if it can be had at once or almost. No hook is called meanwhile: it could panic, or end a wait that nobody tells of.
    pub(super) fn seize(&self) -> Option<MutexGuard<'_, State>> {
        #[cfg(multiproc_loom)] // where nobody is stopped with it
        return self.lock(Patience::Endless).ok();
        #[cfg(not(multiproc_loom))]
        {
            let mut left = if self.state.is_private() { TRIES_IN_PRIVATE } else { TRIES };
            loop {
                left -= 1;
                match self.opened(self.state.acquire(Patience::None)) {
                    Ok(state) => return Some(state),
                    Err(LockError::TimedOut) if left > 0 => _ = pause(Duration::from_millis(1)),
                    Err(_) => return None,
                }
            }
        }
    }

    fn opened<'a>(&'a self, locked: LockResult<MutexGuard<'a, State>>) -> LockResult<MutexGuard<'a, State>> {
        match locked {
            Ok(state) => Ok(self.received(state)),
            Err(LockError::OwnerDied(state) | LockError::Poisoned(state)) => Ok(self.mend(state)),
            error => error,
        }
    }

    /// The state as it is now: without those who have left behind the mutex's back.
    fn received<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        if MutexGuard::owner(&state).is_none() {
            state.forget_other_processes(anonymous());
        }
        if (self.left.load(Relaxed), self.given_up.load(Relaxed)) != (0, 0) {
            self.collect(&mut state);
        }
        state
    }

    /// Does for others what they could not do without the mutex. Whatever instruction this one dies at, it is done again.
    #[cold]
    #[inline(never)]
    pub(super) fn collect(&self, state: &mut State) {
        let taken_first = planted(Bug::CollectedFirst);
        // Acquire, here and below: with the Release of who could not.
        let left = if taken_first { self.left.swap(0, Acquire) } else { self.left.load(Acquire) };
        let gave_up = if taken_first { self.given_up.swap(0, Acquire) } else { self.given_up.load(Acquire) };
        state.clear(left);
        if gave_up != 0 && state.waiting() < self.parties {
            state.break_for(0);
        }
        fence(Release);
        if planted(Bug::LeaverForgotten) {
            self.left.store(0, Relaxed);
        } else {
            self.left.fetch_and(!left, Relaxed);
        }
        // If it fails, one more has given up, and that is done by the next.
        let _ = self.given_up.compare_exchange(gave_up, 0, Relaxed, Relaxed);
        self.turn.notify_all();
    }

    #[cold]
    #[inline(never)]
    pub(super) fn mend<'a>(&'a self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let mut state = self.received(state);
        state.mend();
        MutexGuard::mark_consistent(&mut state);
        self.turn.notify_all();
        state
    }
}

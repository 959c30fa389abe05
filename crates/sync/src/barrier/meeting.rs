//! How parties come, wait and leave, and how they get at what the barrier's mutex guards.

use std::mem;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::time::Duration;
#[cfg(not(multiproc_loom))]
use std::time::Instant;

use super::party::{Party, Unwinds};
use super::presence::{anonymous, name};
use super::state::State;
use super::{ArrivalIndex, Barrier, BarrierError};
use crate::mutex::patience::Patience;
use crate::origin::Origin;
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

/// How long one waits for the mutex that only tries the barrier: it is nobody's for longer unless its process is stopped.
const TO_TRY: Duration = Duration::from_millis(100);
/// And one that asks the barrier, breaks or mends it: longer than it takes to learn that a thread has ended with the mutex.
pub(super) const TO_ASK: Duration = Duration::from_secs(5);

impl Barrier {
    pub(super) fn meet(
        &self,
        deadline: Option<&Deadline>,
        action: Option<impl FnOnce()>,
    ) -> Result<ArrivalIndex, BarrierError> {
        if self.parties == 0 {
            return Err(BarrierError::NoParties);
        }
        let origin = Origin::here();
        let (party, state) = self.come(deadline, origin)?;
        let index = state.index(self.parties);
        let met = if index.is_last() {
            self.complete(party, state, action)
        } else {
            self.wait_for_others(party, state, deadline)
        };
        met.map(|()| index)
    }

    /// Meets the others as the last to come, or does not come.
    pub(super) fn meet_as_last(&self, action: Option<impl FnOnce()>) -> Result<ArrivalIndex, BarrierError> {
        if self.parties == 0 {
            return Err(BarrierError::NoParties);
        }
        let origin = Origin::here();
        let locked = self.lock_within(TO_TRY);
        if !origin.is_here() {
            return Err(BarrierError::Broken); // in a fork that the hook of a signal has made
        }
        let mut state = locked?;
        let was_broken = state.broken().is_some();
        state.look_for_dead();
        if let Some(error) = state.broken() {
            drop(state);
            if !was_broken {
                self.turn.notify_all();
            }
            return Err(error);
        }
        let owner = name(&state);
        let is_last = state.waiting() + 1 == self.parties || planted(Bug::LastUnlooked);
        let place = is_last.then(|| state.arrive(owner)).flatten().ok_or(BarrierError::NotLast)?;
        let party = Party::new(self, place, origin);
        let index = state.index(self.parties);
        self.complete(party, state, action).map(|()| index)
    }

    /// Lets all go on, as the last to come. The arguments are dropped from the last to the first: a party that leaves early finds the
    /// mutex free.
    fn complete<'a>(
        &'a self,
        party: Party<'a>,
        mut state: MutexGuard<'a, State>,
        action: Option<impl FnOnce()>,
    ) -> Result<(), BarrierError> {
        state.look_before_it_passes();
        if let Some(action) = action.filter(|_| state.outcome(party.place()).is_none()) {
            drop(state);
            action();
            if !party.is_ours() {
                return Err(BarrierError::Broken); // in a fork that the action has made: its parent is the party
            }
            let locked = self.lock(Patience::Endless);
            if !party.is_ours() {
                return Err(BarrierError::Broken); // in a fork that the hook of a signal has made
            }
            state = locked?;
            state.look_before_it_passes();
        }
        if state.outcome(party.place()).is_none() {
            state.pass();
        }
        party.leave(state, true)
    }

    /// Takes a place, once there is one in a round that is not complete. In a fork that the hook of a signal makes meanwhile nobody
    /// has called.
    #[inline(never)]
    pub(super) fn come(
        &self,
        deadline: Option<&Deadline>,
        origin: Origin,
    ) -> Result<(Party<'_>, MutexGuard<'_, State>), BarrierError> {
        let unwinds = Unwinds { barrier: self, origin };
        let came = self.take_place(deadline, origin);
        mem::forget(unwinds);
        came
    }

    fn take_place(
        &self,
        deadline: Option<&Deadline>,
        origin: Origin,
    ) -> Result<(Party<'_>, MutexGuard<'_, State>), BarrierError> {
        let locked = self.lock(deadline.map_or(Patience::Endless, Patience::Until));
        if !origin.is_here() {
            return Err(BarrierError::Broken);
        }
        let mut state = match locked {
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
                return Ok((Party::new(self, place, origin), state));
            }
            let slept = self.sleep(state, deadline);
            if !origin.is_here() {
                return Err(BarrierError::Broken);
            }
            let (again, end) = match slept {
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
            // Its time is for the others to come.
            let until = deadline.filter(|_| !self.is_complete(&state));
            let slept = self.sleep(state, until);
            if !party.is_ours() {
                return Err(BarrierError::Broken); // in a fork that the hook of a signal has made
            }
            let end;
            (state, end) = match slept {
                Ok(awake) => awake,
                Err(error) => return party.leave_early().unwrap_or(Err(error)),
            };
            if state.outcome(party.place()).is_none() {
                state.look_for_dead();
                if state.broken().is_some() {
                    return party.leave(state, true);
                }
                if let Some(end) = end
                    && (end == WaitError::Interrupted || !self.is_complete(&state))
                {
                    state.break_for(0);
                    let _ = party.leave(state, true); // which tells that it is broken, not why
                    return Err(end.into());
                }
            }
        }
    }

    /// Whether all have come, and only the action of the last one goes on.
    fn is_complete(&self, state: &State) -> bool {
        state.waiting() >= self.parties && !planted(Bug::ActionTimed)
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
    pub(super) fn give_up_from_afar(&self, end: BarrierError) -> BarrierError {
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

    /// The state, for one who does not wait for others, but for so long for the mutex.
    pub(super) fn lock_within(
        &self,
        #[cfg_attr(multiproc_loom, allow(unused))] grace: Duration,
    ) -> Result<MutexGuard<'_, State>, BarrierError> {
        #[cfg(multiproc_loom)] // where nobody is stopped with it
        let locked = self.lock(Patience::Endless);
        #[cfg(not(multiproc_loom))]
        let locked = self.lock(Patience::Until(&(Instant::now() + grace)));
        match locked {
            Err(BarrierError::TimedOut) => Err(BarrierError::HeldUp),
            locked => locked,
        }
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
        // Acquire, here and below: with the Release of who could not.
        let left = self.left.load(Acquire);
        state.clear(left);
        let gave_up = self.given_up.load(Acquire);
        if gave_up != 0 && state.waiting() < self.parties {
            state.break_for(0);
        }
        fence(Release);
        self.left.fetch_and(!left, Relaxed);
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

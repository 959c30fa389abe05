//! A meeting of several parties. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

mod action;
mod error;
mod state;

use self::action::BreaksIfDropped;
pub use self::error::{BarrierError, PartiesError};
use self::state::{Place, State};
use crate::claims::ANONYMOUS;
use crate::primitive::Deadline;
use crate::shm_safe::{Layout, PlaceError, Placement, ShmSafe};
use crate::{Condvar, LockError, Mutex, MutexGuard, WaitError};

/// The most parties that a barrier can have.
pub const MAX_PARTIES: u32 = 32;

/// Lets its parties go on once all of them have come, again and again.
///
/// ```
/// use multiproc_sync::Barrier;
///
/// let barrier = Barrier::new(3)?;
/// let mut places = std::thread::scope(|scope| {
///     [(); 3].map(|()| scope.spawn(|| barrier.wait().unwrap().get())).map(|party| party.join().unwrap())
/// });
/// places.sort();
/// assert_eq!(places, [0, 1, 2]);
/// # Ok::<(), multiproc_sync::PartiesError>(())
/// ```
///
/// It lies on a stack, in a `static`, or in shared memory: `Shared<Barrier>` of the crate `multiproc-shm` puts it there.
///
/// # How it is made
///
/// ```text
///  ┌──────────────┬───────┬─────────┬──────────────────────────────────────┬─────────┬─────────┐
///  │ Mutex's head │ round │ broken  │ 32 slots: owner, round, pid, given up│ Condvar │ parties │
///  └──────────────┴───────┴─────────┴──────────────────────────────────────┴─────────┴─────────┘
/// ```
///
/// A party that waits has a slot with its name and the round in which it came, and frees it itself. A round passes by one store:
/// it gets the next number. So a party that is slow to leave is told what became of its own round, however many others have
/// passed since.
///
/// # Ordering and fairness
///
/// What each party did before it came is seen by all after they went on. Any thread may be a party; if more come than there are
/// parties, those over are of the next round.
///
/// # A broken barrier
///
/// A time-out of one party, a signal that ends its wait, a panic of its action, [`abort`](Self::abort) and a party's death break the
/// barrier: all who wait get an error, and all who come after them, until [`reset`](Self::reset).
///
/// | event | then |
/// |---|---|
/// | a party's process dies while the party waits | the others get [`PartyDied`](BarrierError::PartyDied) with its number, within about a second |
/// | it dies before the party has come | it is not known that it would have: use a time-out |
/// | it dies as the last to come | all go on, or all get [`PartyDied`](BarrierError::PartyDied) |
/// | the last party's action panics | the others get [`Broken`](BarrierError::Broken), the panic goes on |
/// | a fork | takes no place: only threads that call `wait` are parties |
/// | moved, dropped | while nobody waits, as any value: a wait borrows it |
/// | memory of zeros | a barrier without parties, where nobody waits: [`NoParties`](BarrierError::NoParties) |
///
/// # Cost
///
/// A lock and a release for each party, another pair for each that has waited, and at most one system call of the last one. A
/// waiter spins first, as in a [`Condvar`].
///
/// # Sources
///
/// Python's `threading.Barrier` for what breaks and what resets; the slots are this project's.
#[doc(alias = "threading.Barrier")]
#[doc(alias = "multiprocessing.Barrier")]
#[repr(C)]
#[derive(Debug)]
pub struct Barrier {
    state: Mutex<State>,
    turn: Condvar,
    parties: u32,
    reserved: u32,
}

/// As how many-th a party has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrivalIndex {
    index: u32,
    last: bool,
}

impl ArrivalIndex {
    /// From 0 to one less than the parties, each once in a round, in the order of arrival.
    pub fn get(self) -> u32 {
        self.index
    }

    /// Whether it was the last to come, which is true for one in a round.
    pub fn is_last(self) -> bool {
        self.last
    }
}

/// What a party does that brings no action.
const NOTHING: Option<fn()> = None;

impl Barrier {
    /// A barrier for the threads of this process.
    ///
    /// # Errors
    ///
    /// [`PartiesError`] for none, or for more than [`MAX_PARTIES`].
    #[cfg(not(multiproc_loom))]
    pub const fn new(parties: u32) -> Result<Self, PartiesError> {
        match parties {
            1..=MAX_PARTIES => {
                Ok(Self { state: Mutex::new(State::new()), turn: Condvar::new(), parties, reserved: 0 })
            }
            _ => Err(PartiesError { parties }),
        }
    }

    /// A barrier for the threads of this process.
    #[cfg(multiproc_loom)]
    pub fn new(parties: u32) -> Result<Self, PartiesError> {
        match parties {
            1..=MAX_PARTIES => {
                Ok(Self { state: Mutex::new(State::new()), turn: Condvar::new(), parties, reserved: 0 })
            }
            _ => Err(PartiesError { parties }),
        }
    }

    /// Waits until all parties have come.
    ///
    /// # Errors
    ///
    /// [`BarrierError`]; the barrier is broken then, but for errors that keep the calling thread from coming at all.
    pub fn wait(&self) -> Result<ArrivalIndex, BarrierError> {
        self.meet(None, NOTHING)
    }

    /// As [`wait`](Self::wait), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); [`TimedOut`](BarrierError::TimedOut) for this one, [`Broken`](BarrierError::Broken) for the others.
    #[cfg(not(multiproc_loom))]
    pub fn wait_timeout(&self, timeout: std::time::Duration) -> Result<ArrivalIndex, BarrierError> {
        // None: longer than a clock can say.
        self.meet(std::time::Instant::now().checked_add(timeout).as_ref(), NOTHING)
    }

    /// As [`wait_timeout`](Self::wait_timeout), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    pub fn wait_deadline(&self, deadline: Deadline) -> Result<ArrivalIndex, BarrierError> {
        self.meet(Some(&deadline), NOTHING)
    }

    /// As [`wait`](Self::wait); if this is the last party, it calls `action` before the others go on.
    ///
    /// ```
    /// let barrier = multiproc_sync::Barrier::new(1)?;
    /// let mut rounds = 0;
    /// barrier.wait_with(|| rounds += 1).unwrap();
    /// assert_eq!(rounds, 1);
    /// # Ok::<(), multiproc_sync::PartiesError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait). A barrier that was broken while the action ran is an error for its party, too.
    ///
    /// # Panics
    ///
    /// With `action`, which breaks the barrier.
    pub fn wait_with(&self, action: impl FnOnce()) -> Result<ArrivalIndex, BarrierError> {
        self.meet(None, Some(action))
    }

    /// As [`wait_with`](Self::wait_with), until `deadline`; an action that has begun is not limited by it.
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    ///
    /// # Panics
    ///
    /// As [`wait_with`](Self::wait_with).
    pub fn wait_deadline_with(
        &self,
        deadline: Deadline,
        action: impl FnOnce(),
    ) -> Result<ArrivalIndex, BarrierError> {
        self.meet(Some(&deadline), Some(action))
    }

    /// Breaks the barrier.
    ///
    /// # Errors
    ///
    /// Those of [`BarrierError`] that keep the calling thread away from it.
    pub fn abort(&self) -> Result<(), BarrierError> {
        self.lock()?.break_for(0);
        self.turn.notify_all();
        Ok(())
    }

    /// Makes it as new: who waits gets [`Broken`](BarrierError::Broken), who comes after is of a new round.
    ///
    /// # Errors
    ///
    /// As [`abort`](Self::abort).
    pub fn reset(&self) -> Result<(), BarrierError> {
        self.lock()?.reset();
        self.turn.notify_all();
        Ok(())
    }

    /// Whether it is broken now.
    ///
    /// # Errors
    ///
    /// As [`abort`](Self::abort).
    #[doc(alias = "broken")]
    pub fn is_broken(&self) -> Result<bool, BarrierError> {
        Ok(self.lock()?.broken().is_some())
    }

    /// How many parties it is for.
    pub fn parties(&self) -> u32 {
        self.parties
    }

    /// How many wait now, none if it is broken.
    ///
    /// # Errors
    ///
    /// As [`abort`](Self::abort).
    #[doc(alias = "n_waiting")]
    pub fn waiting(&self) -> Result<u32, BarrierError> {
        let state = self.lock()?;
        Ok(if state.broken().is_some() { 0 } else { state.waiting() })
    }

    fn meet(
        &self,
        deadline: Option<&Deadline>,
        action: Option<impl FnOnce()>,
    ) -> Result<ArrivalIndex, BarrierError> {
        if self.parties == 0 {
            return Err(BarrierError::NoParties);
        }
        let mut state = self.lock()?;
        let owner = MutexGuard::owner(&state).unwrap_or(ANONYMOUS);
        let place = loop {
            if let Some(error) = state.broken() {
                return Err(error);
            }
            // Else the round is complete but for its action, or the slots are of parties that have not left.
            if state.waiting() < self.parties
                && let Some(place) = state.arrive(owner)
            {
                break place;
            }
            let (again, end) = self.sleep(state, deadline)?;
            state = again;
            state.look_from_outside(self.parties);
            if state.broken().is_some() {
                self.turn.notify_all(); // this one is told by its next look
            } else if let Some(end) = end {
                return Err(self.give_up(state, None, end));
            }
        };
        let index = state.index(self.parties);
        if index.is_last() {
            if let Some(action) = action {
                drop(state);
                let breaks = BreaksIfDropped { barrier: self, place };
                action();
                std::mem::forget(breaks);
                state = self.lock()?;
                if MutexGuard::owner(&state).unwrap_or(ANONYMOUS) != owner {
                    return Err(BarrierError::Broken); // in a fork that the action has made: its parent is the party
                }
            }
            if state.outcome(place).is_none() {
                state.pass();
            }
            return self.leave(state, place, index, true);
        }
        loop {
            if state.outcome(place).is_some() {
                return self.leave(state, place, index, false);
            }
            let (again, end) = self.sleep(state, deadline)?;
            state = again;
            if state.outcome(place).is_none() {
                state.look_for_dead(Some(place));
                if state.broken().is_some() {
                    return self.leave(state, place, index, true);
                }
                if let Some(end) = end {
                    return Err(self.give_up(state, Some(place), end));
                }
            }
        }
    }

    /// Gives the slot back and tells what has become of the round.
    fn leave(
        &self,
        mut state: MutexGuard<'_, State>,
        place: Place,
        index: ArrivalIndex,
        is_news: bool,
    ) -> Result<ArrivalIndex, BarrierError> {
        let outcome = state.outcome(place).unwrap_or(Err(BarrierError::Broken));
        // Who comes and finds no slot waits for one.
        let is_news = is_news || state.is_full();
        state.leave(place);
        drop(state);
        if is_news {
            self.turn.notify_all();
        }
        outcome.map(|()| index)
    }

    /// Breaks the barrier, as its time has passed for a party.
    fn give_up(
        &self,
        mut state: MutexGuard<'_, State>,
        place: Option<Place>,
        end: WaitError,
    ) -> BarrierError {
        state.break_for(0);
        if let Some(place) = place {
            state.leave(place);
        }
        drop(state);
        self.turn.notify_all();
        match end {
            WaitError::TimedOut => BarrierError::TimedOut,
            WaitError::Interrupted => BarrierError::Interrupted,
        }
    }

    /// Waits for news; also gives the reason not to wait any longer.
    fn sleep<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        deadline: Option<&Deadline>,
    ) -> Result<(MutexGuard<'a, State>, Option<WaitError>), BarrierError> {
        let (state, result) = match self.turn.wait_until(state, deadline) {
            Ok(again) => again,
            Err(LockError::OwnerDied((state, result)) | LockError::Poisoned((state, result))) => {
                (self.mend(state), result)
            }
            Err(LockError::Interrupted) => return Ok((self.lock()?, Some(WaitError::Interrupted))),
            Err(error) => return Err(error.into()),
        };
        Ok((state, result.timed_out().then_some(WaitError::TimedOut)))
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>, BarrierError> {
        loop {
            match self.state.lock() {
                Ok(state) => return Ok(state),
                Err(LockError::OwnerDied(state) | LockError::Poisoned(state)) => return Ok(self.mend(state)),
                Err(LockError::Interrupted) => {} // nobody has it for long
                Err(error) => return Err(error.into()),
            }
        }
    }

    #[cold]
    fn mend<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.mend();
        MutexGuard::mark_consistent(&mut state);
        self.turn.notify_all();
        state
    }
}

// SAFETY: `repr(C)` of parts that are; the number of parties is compared only.
unsafe impl ShmSafe for Barrier {
    const LAYOUT: Layout = Layout::named("multiproc_sync::Barrier/1").with::<State>();
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, placement: &Placement) -> Result<(), PlaceError> {
        *self.state.get_mut() = State::new(); // nobody waits
        self.state.place(placement)?;
        self.turn.place(placement)
    }
}

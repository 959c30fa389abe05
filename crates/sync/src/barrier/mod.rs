//! A meeting of several parties. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

#[cfg(all(test, multiproc_loom))]
mod afar;
mod error;
mod meeting;
mod party;
mod presence;
mod state;

use std::sync::atomic::Ordering::Relaxed;

pub use self::error::{BarrierError, PartiesError};
use self::meeting::TO_ASK;
use self::state::State;
use crate::planted::{Bug, planted};
use crate::primitive::{AtomicU32, Deadline};
use crate::shm_safe::{Layout, PlaceError, Placement, ShmSafe};
use crate::{Condvar, Mutex};

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
///  ┌──────────────┬───────┬────────┬───────────────────────────────────────┬─────────┬─────────┬────────────────┐
///  │ Mutex's head │ round │ broken │ 32 slots: owner, round, pid, given up │ Condvar │ parties │ left, given up │
///  └──────────────┴───────┴────────┴───────────────────────────────────────┴─────────┴─────────┴────────────────┘
/// ```
///
/// A party that waits has a slot with its name and the round in which it came, and frees it itself. A round passes by one store:
/// it gets the next number. So a party that is slow to leave is told what became of its own round, however many others have
/// passed since. One that has to leave without the mutex sets the bit of its slot in a word beside it, which whoever gets the mutex next
/// looks at.
///
/// # Ordering and fairness
///
/// What each party did before it came is seen by all after they went on. Any thread may be a party; if more come than there are
/// parties, those over are of the next round.
///
/// # A broken barrier
///
/// A time-out of one party, a signal that ends or unwinds its wait, an error of it, a panic of its action, [`abort`](Self::abort) and a
/// party's death break the barrier: all who wait get an error, and all who come after them, until [`reset`](Self::reset).
///
/// | event | then |
/// |---|---|
/// | a party is killed while it waits, its thread alone ends, or its process becomes another program (`exec`) | the others get [`PartyDied`](BarrierError::PartyDied) with its number: the last to come at once, who sleeps within about a second |
/// | it dies before the party has come | it is not known that it would have: use a time-out |
/// | it dies as the last to come, also in its action | all go on, or all get [`PartyDied`](BarrierError::PartyDied) |
/// | the last party's action panics | the others get [`Broken`](BarrierError::Broken), the panic goes on |
/// | the [hook](crate::interrupt) of a signal panics in the wait, or before its caller has a place | likewise |
/// | a party gets an error of the mutex, [`TooManyHeld`](BarrierError::TooManyHeld) say | the others get [`Broken`](BarrierError::Broken), within about a second |
/// | a party's time passes when all have come, and only the action runs | nothing: its wait ends with the action, as the others' do |
/// | one gives up that waits for the next round, while all of this one have come | it alone is told; the barrier is not broken |
/// | a fork | takes no place, whether the barrier is shared or copied with it: only threads that call `wait` are parties. One made in the action, or in the hook, gets [`Broken`](BarrierError::Broken) there and changes nothing of its parent's |
/// | moved, dropped | while nobody waits, as any value: a wait borrows it |
/// | memory of zeros | a barrier without parties, where nobody waits: [`NoParties`](BarrierError::NoParties) |
///
/// # Limits
///
/// A wait ends with its time or by a signal also if another is stopped (SIGSTOP, a debugger) with the barrier's mutex, with two exceptions
/// for time: one that sleeps already takes the mutex again before it ends, as in a [`Condvar`], and so does the last one after its action.
/// A signal ends these, too. Time does not end a wait for the action either. What does not
/// wait for others, [`abort`](Self::abort) say, is [`HeldUp`](BarrierError::HeldUp) by it for some seconds at the most. If a round passes just then, its party is told so, and not of the signal.
///
/// A fork made while another thread is at a private barrier may find its copy's mutex held for good, as with any lock: time-outs
/// end, a little late.
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
    /// The places, a bit for each, of parties that have left and did not get the mutex.
    left: AtomicU32,
    /// How many have given up that had no place, and did not get the mutex.
    given_up: AtomicU32,
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

/// The functions that a kill at every instruction must have met, by name and address.
#[cfg(not(multiproc_loom))]
pub(crate) fn fault_points() -> [(&'static str, usize); 5] {
    [
        ("barrier_come", Barrier::come as *const () as usize),
        ("barrier_pass", State::pass as *const () as usize),
        ("barrier_leave", party::Party::leave as *const () as usize),
        ("barrier_mend", Barrier::mend as *const () as usize),
        ("barrier_collect", Barrier::collect as *const () as usize),
    ]
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
            1..=MAX_PARTIES => Ok(Self {
                state: Mutex::new(State::new()),
                turn: Condvar::new(),
                parties,
                left: AtomicU32::new(0),
                given_up: AtomicU32::new(0),
                reserved: 0,
            }),
            _ => Err(PartiesError { parties }),
        }
    }

    /// A barrier for the threads of this process.
    #[cfg(multiproc_loom)]
    pub fn new(parties: u32) -> Result<Self, PartiesError> {
        match parties {
            1..=MAX_PARTIES => Ok(Self {
                state: Mutex::new(State::new()),
                turn: Condvar::new(),
                parties,
                left: AtomicU32::new(0),
                given_up: AtomicU32::new(0),
                reserved: 0,
            }),
            _ => Err(PartiesError { parties }),
        }
    }

    /// Waits until all parties have come.
    ///
    /// # Errors
    ///
    /// [`BarrierError`]; the barrier is broken then, but for errors that keep the calling thread from coming at all, and where all others
    /// of a round had come without it.
    pub fn wait(&self) -> Result<ArrivalIndex, BarrierError> {
        self.meet(None, NOTHING)
    }

    /// Meets the others as the last to come, if they have all come; else it has not come either. Waits for nobody, but for a tenth of a second
    /// at the most if a process is stopped in the middle of the barrier.
    ///
    /// ```
    /// use multiproc_sync::{ArrivalIndex, Barrier, BarrierError};
    ///
    /// let barrier = Barrier::new(2)?;
    /// assert_eq!(barrier.try_wait(), Err(BarrierError::NotLast));
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| barrier.wait().unwrap());
    ///     while barrier.waiting() == Ok(0) {
    ///         std::thread::yield_now();
    ///     }
    ///     assert!(barrier.try_wait().is_ok_and(ArrivalIndex::is_last));
    /// });
    /// # Ok::<(), multiproc_sync::PartiesError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotLast`](BarrierError::NotLast) and [`HeldUp`](BarrierError::HeldUp), and nothing has changed; those of a barrier that is broken; those that keep
    /// the calling thread from coming at all. It breaks nothing.
    pub fn try_wait(&self) -> Result<ArrivalIndex, BarrierError> {
        self.meet_as_last(NOTHING)
    }

    /// As [`wait`](Self::wait), for at most `timeout` until all have come. For the action of the last one all wait as long as it takes: it may have
    /// taken effect already, so that a round is not called broken for it.
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

    /// As [`try_wait`](Self::try_wait); as the last party it calls `action` before the others go on.
    ///
    /// # Errors
    ///
    /// As [`try_wait`](Self::try_wait). Once `action` has run, as [`wait_with`](Self::wait_with).
    ///
    /// # Panics
    ///
    /// As [`wait_with`](Self::wait_with).
    pub fn try_wait_with(&self, action: impl FnOnce()) -> Result<ArrivalIndex, BarrierError> {
        self.meet_as_last(Some(action))
    }

    /// As [`wait_with`](Self::wait_with), for at most `timeout`; an action that has begun is not limited by it.
    ///
    /// ```
    /// use std::time::Duration;
    /// let barrier = multiproc_sync::Barrier::new(2)?;
    /// let met = barrier.wait_timeout_with(Duration::from_millis(5), || unreachable!("the other does not come"));
    /// assert_eq!(met, Err(multiproc_sync::BarrierError::TimedOut));
    /// # Ok::<(), multiproc_sync::PartiesError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`wait_timeout`](Self::wait_timeout).
    ///
    /// # Panics
    ///
    /// As [`wait_with`](Self::wait_with).
    #[cfg(not(multiproc_loom))]
    pub fn wait_timeout_with(
        &self,
        timeout: std::time::Duration,
        action: impl FnOnce(),
    ) -> Result<ArrivalIndex, BarrierError> {
        self.meet(std::time::Instant::now().checked_add(timeout).as_ref(), Some(action))
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
    /// Those of [`BarrierError`] that keep the calling thread away from it; [`Interrupted`](BarrierError::Interrupted) if a signal or an alarm ended
    /// the wait for the mutex, [`HeldUp`](BarrierError::HeldUp) if a process that is stopped in the middle of the barrier did not give it back
    /// for some seconds. Nothing has changed then.
    pub fn abort(&self) -> Result<(), BarrierError> {
        self.lock_within(TO_ASK)?.break_for(0);
        self.turn.notify_all();
        Ok(())
    }

    /// Makes it as new: who waits gets [`Broken`](BarrierError::Broken), who comes after is of a new round.
    ///
    /// # Errors
    ///
    /// As [`abort`](Self::abort).
    pub fn reset(&self) -> Result<(), BarrierError> {
        self.lock_within(TO_ASK)?.reset();
        if !planted(Bug::ResetInSilence) {
            self.turn.notify_all();
        }
        Ok(())
    }

    /// Whether it is broken now.
    ///
    /// # Errors
    ///
    /// As [`abort`](Self::abort).
    #[doc(alias = "broken")]
    pub fn is_broken(&self) -> Result<bool, BarrierError> {
        Ok(self.lock_within(TO_ASK)?.broken().is_some())
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
        let state = self.lock_within(TO_ASK)?;
        Ok(if state.broken().is_some() { 0 } else { state.waiting() })
    }
}

// SAFETY: `repr(C)` of parts that are; the number of parties is compared only.
unsafe impl ShmSafe for Barrier {
    const LAYOUT: Layout = Layout::named("multiproc_sync::Barrier/2").with::<State>();
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, placement: &Placement) -> Result<(), PlaceError> {
        *self.state.get_mut() = State::new(); // nobody waits
        self.left.store(0, Relaxed);
        self.given_up.store(0, Relaxed);
        self.state.place(placement)?;
        self.turn.place(placement)
    }
}

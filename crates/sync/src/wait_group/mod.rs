//! Work that is announced, and waited for. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

mod error;
mod member;
mod state;

use std::fmt;

pub use self::error::WaitGroupError;
pub use self::member::Member;
use self::state::{Begun, Place, State};
use crate::claims::ANONYMOUS;
use crate::mutex::patience::Patience;
use crate::primitive::Deadline;
use crate::shm_safe::{Layout, PlaceError, Placement, ShmSafe};
use crate::{Condvar, LockError, Mutex, MutexGuard, WaitError, identity};

/// The most members that a group can have at a time.
pub const MAX_MEMBERS: usize = 64;

/// The most pieces of work that a group can have at a time.
pub const MAX_PIECES: u32 = u32::MAX;

/// Waits until all work is done that was announced, by threads or by processes that may die.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use multiproc_sync::WaitGroup;
///
/// let (group, sum) = (WaitGroup::new(), AtomicU32::new(0));
/// group.add(4)?;
/// std::thread::scope(|scope| {
///     for n in 1..=4 {
///         let (group, sum) = (&group, &sum);
///         scope.spawn(move || {
///             let _member = group.enter().unwrap(); // done when it is dropped
///             sum.fetch_add(n, Relaxed);
///         });
///     }
///     group.wait()?;
///     assert_eq!(sum.load(Relaxed), 10);
///     Ok::<(), multiproc_sync::WaitGroupError>(())
/// })?;
/// # Ok::<(), multiproc_sync::WaitGroupError>(())
/// ```
///
/// A piece of work is announced by [`add`](Self::add), without saying whose it is; anybody may call [`done`](Self::done) for it. Or a
/// thread makes it its own by [`enter`](Self::enter): then the group has its name, and if its process dies before it is done,
/// nobody waits for it in vain. [`join`](Self::join) announces a piece and enters it at once.
///
/// It lies on a stack, in a `static`, or in shared memory: `Shared<WaitGroup>` of the crate `multiproc-shm` puts it there.
///
/// # How it is made
///
/// ```text
///  ┌──────────────┬───────────┬──────────┬─────────┬──────┬──────────────────────────────────┬─────────┐
///  │ Mutex's head │ announced │ finished │ emptied │ died │ 64 slots: owner, finishing, pid  │ Condvar │
///  └──────────────┴───────────┴──────────┴─────────┴──────┴──────────────────────────────────┴─────────┘
/// ```
///
/// What is announced and what is finished only grow. When they are equal, it is noted how much that was: who waits since before is
/// released by that, also if more is announced before it wakes up. A member that is done first says in its slot how much is
/// finished then: who finds a dead one there completes that, once.
///
/// # Ordering and fairness
///
/// All that was done before a piece was, is seen by who waited for it. All who wait are released at once. A group can be used
/// again as soon as nothing is left; who adds while others wait adds to what they wait for, unless nothing was left before.
///
/// # A member's death
///
/// | event | then |
/// |---|---|
/// | a member's process dies | who waits gets [`MemberDied`](WaitGroupError::MemberDied) with its number, within about a second, and so does everybody after, until [`acknowledge`](Self::acknowledge). Its piece is announced as before: another may enter it, or call `done` |
/// | it dies while it is being done | the piece is done, or its member has died |
/// | a process dies before it has entered | it is not known that it would have: use a time-out |
/// | it dies in `add` or `done` | the call has done all or nothing; who waits sees it within a second |
/// | a member panics | its piece is done, as by every drop |
/// | its thread ends, the member leaked or forgotten | not done, until its process ends: then it has died |
/// | a signal whose hook ends or unwinds the wait for the mutex while a member is done | it is done all the same |
/// | a fork with a member | it is the parent's; the child's guard does nothing. In private memory the child's copy of the group keeps that member, and has nobody who is done: make another |
/// | moved, dropped | while nobody waits or works, as any value: both borrow it |
/// | memory of zeros, once it is placed | a group with nothing to wait for |
///
/// # Cost
///
/// A lock and a release for each call, and a system call of who finishes the last piece if somebody sleeps. A waiter spins first, as in a
/// [`Condvar`]. It asks after the members' processes before it sleeps and with every heartbeat of a second: some 10 µs for each.
///
/// # Sources
///
/// Go's `sync.WaitGroup` for announced work, and that it may be used again; the members are this project's.
#[doc(alias = "sync.WaitGroup")]
#[doc(alias = "task_done")]
#[repr(C)]
pub struct WaitGroup {
    state: Mutex<State>,
    turn: Condvar,
}

impl WaitGroup {
    /// A group for the threads of this process, with nothing to wait for.
    #[cfg(not(multiproc_loom))]
    pub const fn new() -> Self {
        Self { state: Mutex::new(State::new()), turn: Condvar::new() }
    }

    /// A group for the threads of this process, with nothing to wait for.
    #[cfg(multiproc_loom)]
    pub fn new() -> Self {
        Self { state: Mutex::new(State::new()), turn: Condvar::new() }
    }

    /// Announces so many pieces of work.
    ///
    /// # Errors
    ///
    /// [`TooManyPieces`](WaitGroupError::TooManyPieces), and nothing has changed; those that keep the calling thread away from the group.
    pub fn add(&self, pieces: u32) -> Result<(), WaitGroupError> {
        self.lock()?.0.announce(pieces)
    }

    /// Says that a piece of work is done that is no member's.
    ///
    /// ```
    /// use multiproc_sync::{WaitGroup, WaitGroupError};
    /// let group = WaitGroup::new();
    /// group.add(1)?;
    /// group.done()?;
    /// assert_eq!(group.done(), Err(WaitGroupError::NothingAnnounced));
    /// # Ok::<(), WaitGroupError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NothingAnnounced`](WaitGroupError::NothingAnnounced) for one too many, and nothing has changed; those that keep the calling thread
    /// away from the group.
    pub fn done(&self) -> Result<(), WaitGroupError> {
        let emptied = self.lock()?.0.finish()?;
        self.tell(emptied);
        Ok(())
    }

    /// Makes a piece of work that was announced the calling thread's own.
    ///
    /// # Errors
    ///
    /// [`NothingAnnounced`](WaitGroupError::NothingAnnounced), [`TooManyMembers`](WaitGroupError::TooManyMembers); those that keep the calling
    /// thread away from the group.
    pub fn enter(&self) -> Result<Member<'_>, WaitGroupError> {
        self.become_member(State::enter)
    }

    /// Announces a piece of work that is the calling thread's own.
    ///
    /// # Errors
    ///
    /// [`TooManyPieces`](WaitGroupError::TooManyPieces), [`TooManyMembers`](WaitGroupError::TooManyMembers); those that keep the calling thread
    /// away from the group.
    pub fn join(&self) -> Result<Member<'_>, WaitGroupError> {
        self.become_member(State::join)
    }

    /// Waits until nothing is left.
    ///
    /// # Errors
    ///
    /// [`MemberDied`](WaitGroupError::MemberDied), as long as nobody has acknowledged that; [`Interrupted`](WaitGroupError::Interrupted), if
    /// a signal ended the wait; those that keep the calling thread away from the group.
    pub fn wait(&self) -> Result<(), WaitGroupError> {
        self.wait_for(Patience::Endless)
    }

    /// As [`wait`](Self::wait), at once.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); [`TimedOut`](WaitGroupError::TimedOut) if something is left.
    pub fn try_wait(&self) -> Result<(), WaitGroupError> {
        self.wait_for(Patience::None)
    }

    /// As [`wait`](Self::wait), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); [`TimedOut`](WaitGroupError::TimedOut) if something was left all the time, or another kept the group's
    /// mutex, stopped in the middle of a call say. If that happens while this one sleeps, it is told when the other goes on.
    #[cfg(not(multiproc_loom))]
    pub fn wait_timeout(&self, timeout: std::time::Duration) -> Result<(), WaitGroupError> {
        match std::time::Instant::now().checked_add(timeout) {
            Some(deadline) => self.wait_deadline(deadline),
            None => self.wait(), // longer than a clock can say
        }
    }

    /// As [`wait`](Self::wait), until `deadline`.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); [`TimedOut`](WaitGroupError::TimedOut) if something was left all the time.
    pub fn wait_deadline(&self, deadline: Deadline) -> Result<(), WaitGroupError> {
        self.wait_for(Patience::Until(&deadline))
    }

    /// Takes note of a member's death, so that the group can be waited for again; gives the number of the process. `None`: nobody has
    /// found one. The piece of work is announced still.
    ///
    /// # Errors
    ///
    /// Those of [`WaitGroupError`] that keep the calling thread away from the group.
    pub fn acknowledge(&self) -> Result<Option<u32>, WaitGroupError> {
        Ok(self.lock()?.0.acknowledge())
    }

    /// How many pieces of work are left, members' and others.
    ///
    /// # Errors
    ///
    /// As [`acknowledge`](Self::acknowledge).
    pub fn remaining(&self) -> Result<u64, WaitGroupError> {
        Ok(self.lock()?.0.left())
    }

    /// How many members there are, the dead among them that nobody has found yet.
    ///
    /// # Errors
    ///
    /// As [`acknowledge`](Self::acknowledge).
    pub fn members(&self) -> Result<usize, WaitGroupError> {
        Ok(self.lock()?.0.members())
    }

    fn become_member(
        &self,
        become_one: impl FnOnce(&mut State, u64, u32) -> Result<Place, WaitGroupError>,
    ) -> Result<Member<'_>, WaitGroupError> {
        let (mut state, owner) = self.lock()?;
        let pid = if owner == ANONYMOUS { std::process::id() } else { identity::pid_of(owner) };
        let place = become_one(&mut state, owner, pid)?;
        drop(state);
        Ok(Member::new(self, place, owner))
    }

    /// Wakes all who wait, if there is news.
    fn tell(&self, is_news: bool) {
        if is_news {
            self.turn.notify_all();
        }
    }

    fn wait_for(&self, patience: Patience<'_>) -> Result<(), WaitGroupError> {
        // Who does not wait for the work waits for whoever is at the group.
        let locking = if let Patience::None = patience { Patience::Endless } else { patience };
        let (state, owner) = self.lock_for(locking)?;
        let begun = state.begin();
        self.wait_since(begun, state, owner, patience)
    }

    fn wait_since<'a>(
        &'a self,
        begun: Option<Begun>,
        mut state: MutexGuard<'a, State>,
        owner: u64,
        patience: Patience<'_>,
    ) -> Result<(), WaitGroupError> {
        let mut end = None;
        loop {
            if let Some(outcome) = state.outcome(begun) {
                return outcome;
            }
            let found = state.look_for_dead(owner);
            if let Some(outcome) = state.outcome(begun) {
                drop(state);
                self.tell(found);
                return outcome;
            }
            if let Some(end) = end {
                return Err(end);
            }
            (state, end) = self.sleep(state, patience.sleep()?)?;
        }
    }

    /// A wait that has begun here, to be gone on with while others do what they do.
    #[cfg(all(test, multiproc_loom))]
    pub(crate) fn wait_from_here(&self) -> impl FnOnce(&Self) -> Result<(), WaitGroupError> + use<> {
        let begun = self.lock().expect("a thread of the model may").0.begin();
        move |group| {
            let (state, owner) = group.lock()?;
            group.wait_since(begun, state, owner, Patience::Endless)
        }
    }

    /// Waits for news; also gives the reason not to wait any longer.
    fn sleep<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        deadline: Option<&Deadline>,
    ) -> Result<(MutexGuard<'a, State>, Option<WaitGroupError>), WaitGroupError> {
        let (state, result) = match self.turn.wait_until(state, deadline) {
            Ok(again) => again,
            Err(LockError::OwnerDied((state, result)) | LockError::Poisoned((state, result))) => {
                (self.mend(state), result)
            }
            Err(LockError::Interrupted) => {
                // For a last look, unless somebody is at the group.
                let (state, _) = self.lock_for(Patience::None).map_err(|_| WaitError::Interrupted)?;
                return Ok((state, Some(WaitError::Interrupted.into())));
            }
            Err(error) => return Err(error.into()),
        };
        Ok((state, result.timed_out().then_some(WaitGroupError::TimedOut)))
    }

    /// The state, and the name of the calling thread.
    fn lock(&self) -> Result<(MutexGuard<'_, State>, u64), WaitGroupError> {
        self.lock_for(Patience::Endless)
    }

    fn lock_for(&self, patience: Patience<'_>) -> Result<(MutexGuard<'_, State>, u64), WaitGroupError> {
        let state = match self.state.acquire(patience) {
            Ok(state) => state,
            Err(LockError::OwnerDied(state) | LockError::Poisoned(state)) => self.mend(state),
            Err(error) => return Err(error.into()),
        };
        let owner = MutexGuard::owner(&state).unwrap_or(ANONYMOUS);
        Ok((state, owner))
    }

    #[cold]
    fn mend<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.mend();
        MutexGuard::mark_consistent(&mut state);
        self.turn.notify_all();
        state
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("WaitGroup");
        match self.lock() {
            Ok((state, _)) => {
                let pids: Vec<u32> = state.pids().collect();
                shown.field("remaining", &state.left()).field("members", &pids);
            }
            Err(error) => {
                shown.field("remaining", &format_args!("<{error}>"));
            }
        }
        shown.finish_non_exhaustive()
    }
}

// SAFETY: `repr(C)` of parts that are.
unsafe impl ShmSafe for WaitGroup {
    const LAYOUT: Layout = Layout::named("multiproc_sync::WaitGroup/1").with::<State>();
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, placement: &Placement) -> Result<(), PlaceError> {
        self.state.get_mut().forget_members();
        self.state.place(placement)?;
        self.turn.place(placement)
    }
}

//! Work that is announced, and waited for. `unsafe`: what it promises as a value in shared memory.
#![allow(unsafe_code)]

mod access;
mod error;
mod leavers;
mod member;
mod state;
mod traits;

pub use self::error::WaitGroupError;
use self::leavers::Leavers;
pub use self::member::Member;
use self::state::{Begun, Place, State};
use crate::claims::ANONYMOUS;
use crate::mutex::patience::Patience;
use crate::primitive::Deadline;
use crate::shm_safe::{Layout, PlaceError, Placement, ShmSafe};
use crate::{Condvar, Mutex, MutexGuard, identity};

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
/// nobody waits for it in vain. [`add_member`](Self::add_member) announces a piece and enters it at once.
///
/// It lies on a stack, in a `static`, or in shared memory: `Shared<WaitGroup>` of the crate `multiproc-shm` puts it there.
///
/// # How it is made
///
/// ```text
///  ┌──────────────┬───────────┬──────────┬─────────┬────────┬──────────────────────────┬─────────┬─────────┐
///  │ Mutex's head │ announced │ finished │ emptied │ deaths │ 64 slots: owner, intent… │ Condvar │ leavers │
///  └──────────────┴───────────┴──────────┴─────────┴────────┴──────────────────────────┴─────────┴─────────┘
/// ```
///
/// What is announced and what is finished only grow. When they are equal, it is noted how much that was: who waits since before is
/// released by that, also if more is announced before it wakes up. A member that is done first says in its slot how much is
/// finished then, and one that adds a member how much is announced: who finds a dead one there completes that, once. A waiter compares the
/// number of deaths with what it was when it began: all are told that somebody has died, and the number of the last one, whoever takes
/// the piece over. Who is done and cannot lock the group sets its bit among the leavers, for whoever locks it next.
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
/// | a member's process dies | who waits gets [`MemberDied`](WaitGroupError::MemberDied) with its number, within about a second, and so does everybody after, until somebody takes its piece [over](Self::take_over). Until then it is the dead one's |
/// | who takes it over dies in turn | the same again: the next is told of that one |
/// | several members die | one after the other is told of, as each piece is taken over; who waits meanwhile is told once, with the number of the last |
/// | it dies while it is being done | the piece is done, or its member has died |
/// | a process dies in `add_member` | the piece is not announced, or its member has died |
/// | a process dies before it has entered | it is not known that it would have: use a time-out |
/// | it dies in `add` or `done` | the call has done all or nothing; who waits sees it within a second |
/// | a member panics | its piece is done, as by every drop |
/// | its thread ends, the member leaked or forgotten | not done, until its process ends: then it has died |
/// | a member is dropped by a thread that holds [`MAX_HELD`](crate::MAX_HELD) locks | done; who waits sees it within a second |
/// | a process is stopped (`SIGSTOP`) in the middle of a call | who tries, or waits for a time, gets `TimedOut`, a tenth of a second late at the most; `wait` and the other calls wait until it goes on |
/// | a signal comes, and the [hook](crate::interrupt) says not to go on | every call but `done` and a member's drop gives [`Interrupted`](WaitGroupError::Interrupted), and nothing has changed; for these two it is not asked |
/// | the hook forks | in the child the call is an interrupted one |
/// | a fork with a member | it is the parent's; the child's guard does nothing. In private memory the child's copy of the group keeps that member, and has nobody who is done: make another |
/// | moved, dropped | while nobody waits or works, as any value: both borrow it |
/// | memory of zeros, once it is placed | a group with nothing to wait for |
///
/// # Cost
///
/// A lock and a release for each call, and a system call of who finishes the last piece if somebody sleeps. A waiter spins first, as in a
/// [`Condvar`]. It asks after the members' processes before it sleeps, and at the end of its time, and so does `try_wait`; of all who sleep, with a heartbeat
/// of a second each, one at the most asks in a tenth of a second, and one that can see nothing besides. To ask takes about 20 µs for each
/// process, and nobody gets at the group meanwhile.
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
    leavers: Leavers,
}

impl WaitGroup {
    /// A group for the threads of this process, with nothing to wait for.
    #[cfg(not(multiproc_loom))]
    pub const fn new() -> Self {
        Self { state: Mutex::new(State::new()), turn: Condvar::new(), leavers: Leavers::new() }
    }

    /// A group for the threads of this process, with nothing to wait for.
    #[cfg(multiproc_loom)]
    pub fn new() -> Self {
        Self { state: Mutex::new(State::new()), turn: Condvar::new(), leavers: Leavers::new() }
    }

    /// Announces so many pieces of work.
    ///
    /// # Errors
    ///
    /// [`TooManyPieces`](WaitGroupError::TooManyPieces), and nothing has changed; those that keep the calling thread away from the group.
    pub fn add(&self, pieces: u32) -> Result<(), WaitGroupError> {
        self.lock(Patience::Endless)?.0.announce(pieces)
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
    /// away from the group. No signal ends it: its [hook](crate::interrupt) is not asked.
    pub fn done(&self) -> Result<(), WaitGroupError> {
        let emptied = self.lock_to_finish()?.finish()?;
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
    pub fn add_member(&self) -> Result<Member<'_>, WaitGroupError> {
        self.become_member(State::join)
    }

    /// Waits until nothing is left.
    ///
    /// # Errors
    ///
    /// [`MemberDied`](WaitGroupError::MemberDied), as long as nobody has taken over its piece, and to each who waited when it was found, of
    /// several the last; [`Interrupted`](WaitGroupError::Interrupted), if a signal or an alarm ended the wait; those that keep the calling thread away from the group.
    pub fn wait(&self) -> Result<(), WaitGroupError> {
        self.wait_for(Patience::Endless)
    }

    /// As [`wait`](Self::wait), at once. It waits a tenth of a second at the most, if a process is stopped inside the group.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); [`TimedOut`](WaitGroupError::TimedOut) if something is left, or a process is stopped inside the group.
    pub fn try_wait(&self) -> Result<(), WaitGroupError> {
        self.wait_for(Patience::None)
    }

    /// As [`wait`](Self::wait), for at most `timeout`.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); [`TimedOut`](WaitGroupError::TimedOut) if something was left all the time.
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

    /// Makes the piece of a member whose process has ended the calling thread's own; also gives the number of that process. `None`: no
    /// member is dead. At each instant the piece is the dead one's or the calling thread's: if that dies in turn, the next is told.
    ///
    /// ```no_run
    /// use multiproc_sync::{WaitGroup, WaitGroupError};
    /// # fn clean_up_after(_: u32) {}
    /// # let group = WaitGroup::new();
    /// while let Err(WaitGroupError::MemberDied { .. }) = group.wait() {
    ///     // Of those who were told, one gets the piece.
    ///     if let Some((member, pid)) = group.take_over()? {
    ///         clean_up_after(pid);
    ///         drop(member);
    ///     }
    /// }
    /// # Ok::<(), WaitGroupError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`WaitGroupError`] that keep the calling thread away from the group.
    pub fn take_over(&self) -> Result<Option<(Member<'_>, u32)>, WaitGroupError> {
        let (mut state, owner) = self.lock(Patience::Endless)?;
        let is_news = self.look(&mut state, owner);
        let taken = state.take_over(owner, pid_of(owner));
        drop(state);
        self.tell(is_news);
        Ok(taken.map(|(place, died)| (Member::new(self, place, owner), died)))
    }

    /// How many pieces of work are left, members' and others.
    ///
    /// # Errors
    ///
    /// As [`take_over`](Self::take_over).
    pub fn remaining(&self) -> Result<u64, WaitGroupError> {
        Ok(self.lock(Patience::Endless)?.0.left())
    }

    /// How many members there are, the dead among them that nobody has found yet.
    ///
    /// # Errors
    ///
    /// As [`take_over`](Self::take_over).
    pub fn members(&self) -> Result<usize, WaitGroupError> {
        Ok(self.lock(Patience::Endless)?.0.members())
    }

    fn become_member(
        &self,
        become_one: impl FnOnce(&mut State, u64, u32) -> Result<Place, WaitGroupError>,
    ) -> Result<Member<'_>, WaitGroupError> {
        let (mut state, owner) = self.lock(Patience::Endless)?;
        let place = become_one(&mut state, owner, pid_of(owner))?;
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
        let (state, owner) = self.lock(patience)?;
        let begun = state.begin();
        self.wait_since(begun, state, owner, patience)
    }

    fn wait_since<'a>(
        &'a self,
        begun: Option<Begun>,
        mut state: MutexGuard<'a, State>,
        mut owner: u64,
        patience: Patience<'_>,
    ) -> Result<(), WaitGroupError> {
        let mut ended = None;
        let mut is_first = true;
        loop {
            if let Some(outcome) = state.outcome(begun) {
                return outcome;
            }
            // Of those who wait, one looks for all. Who ends its wait, or begins, looks for itself.
            if ended.is_some() || is_first || state.look_is_due() {
                let found = self.look(&mut state, owner);
                if let Some(outcome) = state.outcome(begun) {
                    drop(state);
                    self.tell(found);
                    return outcome;
                }
            }
            is_first = false;
            if let Some(error) = ended {
                return Err(error);
            }
            let slept = self.turn.sleep_without(state, patience.sleep()?);
            ended = slept.err().map(WaitGroupError::from);
            (state, owner) = self.lock(patience)?;
        }
    }

    /// Looks for a member that has died, and gives whether that is news to those who wait.
    fn look(&self, state: &mut State, owner: u64) -> bool {
        let mut emptied = false;
        while let Some(place) = state.look_for_dead(owner) {
            // It may have left since the mutex was locked, but not since its process has ended.
            if !self.leavers.has(place) {
                state.note_death(place);
                return true;
            }
            emptied |= self.settle(state);
        }
        emptied
    }

    /// A wait that has begun here, to be gone on with while others do what they do.
    #[cfg(all(test, multiproc_loom))]
    pub(crate) fn wait_from_here(&self) -> impl FnOnce(&Self) -> Result<(), WaitGroupError> + use<> {
        let begun = self.lock(Patience::Endless).expect("a thread of the model may").0.begin();
        move |group| {
            let (state, owner) = group.lock(Patience::Endless)?;
            group.wait_since(begun, state, owner, Patience::Endless)
        }
    }
}

/// The number of the process of which the calling thread is.
fn pid_of(owner: u64) -> u32 {
    if owner == ANONYMOUS { std::process::id() } else { identity::pid_of(owner) }
}

/// The functions that a kill at every instruction must have met, by name and address.
#[cfg(not(multiproc_loom))]
pub(crate) fn fault_points() -> [(&'static str, usize); 3] {
    [
        ("wait_group_mend", WaitGroup::mend as *const () as usize),
        ("wait_group_settle", WaitGroup::settle as *const () as usize),
        ("wait_group_take_over", State::take_over as *const () as usize),
    ]
}

// SAFETY: `repr(C)` of parts that are.
unsafe impl ShmSafe for WaitGroup {
    const LAYOUT: Layout = Layout::named("multiproc_sync::WaitGroup/1").with::<State>();
    const NEEDS_PLACEMENT: bool = true;

    fn place(&mut self, placement: &Placement) -> Result<(), PlaceError> {
        // What is done, or as good as, is so wherever the group is.
        let state = self.state.get_mut();
        state.mend();
        self.leavers.places().for_each(|place| _ = state.leave_for(place));
        state.forget_members();
        self.leavers = Leavers::new();
        self.state.place(placement)?;
        self.turn.place(placement)
    }
}

//! Who is there: the threads that have begun and not ended, and how many of them an exit waits for.
//!
//! A thread is *entered* before the system is asked for it, so that whoever has begun another is still there when that is: an exit
//! that waits until nobody is left misses none that was begun meanwhile. It *ends* when its function has returned, and is listed
//! no longer. It *leaves* when its thread-locals were dropped too, and is waited for until then.

use std::mem;
use std::sync::PoisonError;

use multiproc_sync::primitive::blocking::{Condvar, Mutex, MutexGuard};

use crate::planted::{Bug, planted};

/// Entries by the numbers of their threads.
pub(crate) struct Roll<E> {
    state: Mutex<State<E>>,
    /// Waited on with `state`: nobody else is there that is waited for.
    empty: Condvar,
}

struct State<E> {
    /// In no order. Few: a map costs a short thread more than it saves.
    listed: Vec<(u64, E)>,
    /// Threads that have not left and that an exit waits for.
    held: usize,
    /// Those of them that wait for the others, who need not wait for them meanwhile.
    excused: usize,
    /// How often those who were excused could go on.
    round: u64,
    /// Threads that sleep: to wake nobody is a system call, too.
    sleepers: usize,
}

impl<E: Clone> Roll<E> {
    pub(crate) fn new() -> Self {
        let state = State { listed: Vec::new(), held: 0, excused: 0, round: 0, sleepers: 0 };
        Self { state: Mutex::new(state), empty: Condvar::new() }
    }

    /// A thread is about to begin, or was met. Who is `held` has to leave.
    pub(crate) fn enter(&self, number: u64, entry: E, held: bool) {
        let mut state = self.lock();
        state.listed.push((number, entry));
        state.held += usize::from(held && !planted(Bug::EnteredLate));
    }

    /// As the thread itself says: in the place of what `enter` has left out.
    #[cfg(multiproc_loom)]
    pub(crate) fn enter_late(&self, held: bool) {
        self.lock().held += usize::from(held && planted(Bug::EnteredLate));
    }

    /// The thread's function has returned.
    pub(crate) fn end(&self, number: u64) {
        // Dropped with the lock open.
        let _entry = self.lock().strike_out(number);
        if planted(Bug::LeftAtEnd) {
            self.count_out();
        }
    }

    /// A thread that is held has nothing more to do.
    pub(crate) fn leave(&self) {
        if !planted(Bug::LeftAtEnd) {
            self.count_out();
        }
    }

    fn count_out(&self) {
        let mut state = self.lock();
        state.held -= 1;
        if state.is_over() && !planted(Bug::LeftInSilence) {
            self.begin_round(&mut state);
        }
    }

    /// Waits until all who are held have left; the caller, if it `is_held`, until the others have or wait here themselves.
    pub(crate) fn wait_until_empty(&self, is_held: bool) {
        let mut state = self.lock();
        if !is_held || planted(Bug::WaitsForItself) {
            while state.held != 0 {
                state = self.wait(state);
            }
            return;
        }
        state.excused += 1;
        let round = state.round;
        if state.is_over() {
            if planted(Bug::ExcusedInSilence) {
                state.sleepers = 0;
            }
            self.begin_round(&mut state);
        }
        while state.round == round {
            state = self.wait(state);
        }
    }

    fn wait<'a>(&self, mut state: MutexGuard<'a, State<E>>) -> MutexGuard<'a, State<E>> {
        state.sleepers += 1;
        self.empty.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets those who were excused go on, all of them, however late they wake up, and everybody look.
    fn begin_round(&self, state: &mut State<E>) {
        state.excused = 0;
        state.round += 1;
        if mem::take(&mut state.sleepers) > 0 {
            self.empty.notify_all();
        }
    }

    /// All who are listed, in the order of their numbers.
    pub(crate) fn list(&self) -> Vec<E> {
        let mut listed = self.lock().listed.clone();
        listed.sort_unstable_by_key(|(number, _)| *number);
        listed.into_iter().map(|(_, entry)| entry).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        // Nothing in here panics but for lack of memory, before anything was changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E> State<E> {
    /// Who has come late mostly goes early.
    fn strike_out(&mut self, number: u64) -> Option<(u64, E)> {
        let at = self.listed.iter().rposition(|(listed, _)| *listed == number)?;
        Some(self.listed.swap_remove(at))
    }

    /// Nobody is there that those who wait have to wait for.
    fn is_over(&self) -> bool {
        self.held == self.excused
    }
}

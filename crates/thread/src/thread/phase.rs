//! A thread's handle: prepared, then running, and started once whoever comes first.

use std::mem;
use std::sync::PoisonError;

use multiproc_sync::primitive::blocking::Mutex;

use crate::planted::{Bug, planted};

/// What there is to start, then what came of it.
pub(crate) struct Phase<P, R>(Mutex<State<P, R>>);

enum State<P, R> {
    Prepared(P),
    Running(R),
}

/// Why nothing was started.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unstarted<E> {
    /// It was before.
    Already,
    /// It may be tried again.
    Refused(E),
}

impl<P, R> Phase<P, R> {
    pub(crate) fn prepared(prepared: P) -> Self {
        Self(Mutex::new(State::Prepared(prepared)))
    }

    #[cfg(not(multiproc_loom))]
    pub(crate) fn running(running: R) -> Self {
        Self(Mutex::new(State::Running(running)))
    }

    /// Starts it by `begin`, which runs for one caller at a time, as another can only then tell what to answer.
    pub(crate) fn start<E>(&self, begin: impl FnOnce(&mut P) -> Result<R, E>) -> Result<(), Unstarted<E>> {
        if planted(Bug::LooksThenStarts) {
            self.look()?;
        }
        // `begin` panics for lack of memory only, with nothing started.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = match &mut *state {
            State::Prepared(prepared) => begin(prepared),
            #[cfg(multiproc_loom)]
            State::Running(_) if planted(Bug::LooksThenStarts) => panic!("started twice"),
            State::Running(_) => return Err(Unstarted::Already),
        };
        let running = begun.map_err(Unstarted::Refused)?;
        let prepared = mem::replace(&mut *state, State::Running(running));
        drop(state);
        drop(prepared);
        Ok(())
    }

    fn look<E>(&self) -> Result<(), Unstarted<E>> {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Prepared(_) => Ok(()),
            State::Running(_) => Err(Unstarted::Already),
        }
    }

    /// What runs; `None`: it was never started.
    pub(crate) fn into_running(self) -> Option<R> {
        match self.0.into_inner().unwrap_or_else(PoisonError::into_inner) {
            State::Prepared(_) => None,
            State::Running(running) => Some(running),
        }
    }
}

//! Two sides that take turns: what a round costs in which each waits for the other once.

use std::thread;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::Result;
use crate::locks;
use crate::peers::fork::Forks;
use crate::placement;
use crate::session::{Setting, Start};

/// Something at which two sides wait for each other.
pub(crate) trait Turns: Sync + 'static {
    /// Does this side's part of a round: 0 is measured, 1 the other one.
    fn take(&self, side: u64);
}

/// Rounds between two looks at the clock.
const ROUNDS: u64 = 16;

/// This thread and another one, which ends with the process.
pub(crate) fn two_threads<T: Turns>(setting: &Setting, turns: Result<&'static T>) -> Result<Start> {
    let (turns, far) = (turns?, setting.far());
    thread::spawn(move || {
        // Left where it is, it would be missed there: a placement is looked at before the first round.
        if far.is_none_or(|cpu| placement::pin(Pid::from_raw(0), cpu).is_ok()) {
            for_ever(turns);
        }
    });
    Start::here(move || rounds(turns))
}

/// This process and another one, which is killed with it. Each has a second thread.
pub(crate) fn two_processes<T: Turns>(_: &Setting, turns: Result<&'static T>) -> Result<Start> {
    let (turns, forks) = (turns?, Forks::of_one_thread()?);
    forks.start(|| {
        if prctl::set_pdeathsig(Signal::SIGKILL).is_ok() {
            locks::have_two_threads();
            for_ever(turns);
        }
    })?;
    locks::have_two_threads();
    Start::here(move || rounds(turns))
}

fn for_ever(turns: &impl Turns) {
    loop {
        turns.take(1);
    }
}

fn rounds(turns: &impl Turns) -> Result<u64> {
    (0..ROUNDS).for_each(|_| turns.take(0));
    Ok(ROUNDS)
}

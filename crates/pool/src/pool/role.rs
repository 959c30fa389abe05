//! Who drives the pool: takes answers, buries the dead, starts workers. One thread at a time has the role; it goes
//! from thread to thread under the lock of the pool's state.
//!
//! A thread that waits for a result drives the pool itself, so that a call needs no other thread. While nobody waits,
//! the pool's attendant thread does it: the role is *armed* when an event wakes the attendant.

use std::sync::Arc;

use crate::pool::planted::{Bug, planted};
use crate::pool::waiter::Waiter;

/// The role and those who could take it. Part of the pool's state.
#[derive(Debug, Default)]
pub(crate) struct Role {
    held: bool,
    /// Events of workers wake the attendant.
    armed: bool,
    /// Threads that wait while another one drives.
    sleepers: Vec<Arc<Waiter>>,
    /// How often a waiting thread has taken the role.
    takes: u64,
    /// Turns that drivers have made.
    turns: u32,
}

/// What a thread does that leaves a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It goes on with something else.
    Leaves,
    /// It waits again soon. Were the attendant armed for so short a time, the two would take turns at every task;
    /// it looks in anyway, a tick later, should the thread be kept.
    ComesBack,
}

/// What has to be done outside when the role is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandOn {
    /// Nothing: somebody has it, or will, or need not.
    Done,
    /// Have events wake the attendant.
    Arm,
}

impl Role {
    /// Takes the role if nobody has it.
    pub(crate) fn take(&mut self) -> bool {
        !std::mem::replace(&mut self.held, true) || planted(Bug::TakenTwice)
    }

    /// Whether somebody has it.
    pub(crate) fn is_held(&self) -> bool {
        self.held
    }

    /// Notes that the role was taken by a thread that waits for a result.
    pub(crate) fn count_take(&mut self) {
        self.takes += 1;
    }

    /// How often that has happened.
    pub(crate) fn takes(&self) -> u64 {
        self.takes
    }

    /// Counts the driver's turns.
    pub(crate) fn count_turn(&mut self) -> u32 {
        self.turns = self.turns.wrapping_add(1);
        self.turns
    }

    /// Gives the role up; [`hand_on`](Self::hand_on) has to follow.
    pub(crate) fn give_up(&mut self) {
        self.held = false;
    }

    /// Whether the attendant is woken by events.
    pub(crate) fn is_armed(&self) -> bool {
        self.armed
    }

    /// Notes that the attendant is woken by events, or not; says whether that is a change.
    pub(crate) fn set_armed(&mut self, armed: bool) -> bool {
        std::mem::replace(&mut self.armed, armed) != armed
    }

    /// A thread is about to sleep until its tasks are done or it is called.
    pub(crate) fn add_sleeper(&mut self, waiter: &Arc<Waiter>) {
        self.sleepers.push(waiter.clone());
    }

    /// It has woken up.
    pub(crate) fn remove_sleeper(&mut self, waiter: &Arc<Waiter>) {
        if planted(Bug::SleeperStays) {
            return;
        }
        self.sleepers.retain(|sleeper| !Arc::ptr_eq(sleeper, waiter));
    }

    /// Sees to it that somebody drives while there is work: a sleeper, else the attendant.
    ///
    /// Whoever leaves a wait calls this, whether it had the role or not: it may have been called to take it.
    pub(crate) fn hand_on(&mut self, has_work: bool, after: After) -> HandOn {
        if self.held || !has_work {
            return HandOn::Done;
        }
        if let Some(sleeper) = self.sleepers.pop() {
            sleeper.call();
            return HandOn::Done;
        }
        if after == After::ComesBack {
            return HandOn::Done;
        }
        if !planted(Bug::NeverArmed) && self.set_armed(true) { HandOn::Arm } else { HandOn::Done }
    }
}

//! The wait for a word to say that it is over: spun for a moment, then announced in the word and slept through.

use std::sync::atomic::Ordering::{Acquire, Relaxed};

use crate::futex::{Futex, Scope};
use crate::planted::{Bug, planted};
use crate::primitive::Deadline;
use crate::{Pace, WaitError};

/// A word that is waited for, and how.
pub(crate) struct Awaited<'a> {
    pub(crate) word: &'a Futex,
    pub(crate) scope: Scope,
    #[cfg_attr(multiproc_loom, allow(dead_code))] // in a model nobody spins
    pub(crate) pace: &'a Pace,
    /// The bit that says "somebody may sleep": in a word that has it, who ends the wait has to wake.
    pub(crate) sleepers: u32,
}

impl Awaited<'_> {
    /// Waits until the word `is_over`, having looked once before. What was released by who made it so is acquired.
    #[cold]
    pub(crate) fn wait(
        &self,
        deadline: Option<Deadline>,
        is_over: impl Fn(u32) -> bool,
    ) -> Result<(), WaitError> {
        // Acquire, here and below: with the Release of who ends the wait.
        let look = || is_over(self.word.load(Acquire)).then_some(());
        let until = deadline.as_ref().filter(|_| !planted(Bug::DeadlineIgnored));
        #[cfg(not(multiproc_loom))] // in a model this look is one of those below
        if self.pace.spin(deadline, look).is_some() {
            return Ok(());
        }
        loop {
            let seen = self.word.load(Acquire);
            if is_over(seen) {
                return Ok(());
            }
            let announced = seen | self.sleepers;
            // As an exchange it goes on what those before it have released.
            if seen != announced && self.word.compare_exchange(seen, announced, Relaxed, Relaxed).is_err() {
                continue;
            }
            if let Err(error) = self.word.wait_for_event(announced, self.scope, until) {
                return look().ok_or(error);
            }
        }
    }
}

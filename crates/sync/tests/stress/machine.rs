//! For how long the machine itself stood still, as far as the supervisor can tell.

use crate::queue::{Stolen, Times};
use crate::sys;

/// How late a look may come without a reason, in nanoseconds: the kernel counts who runs only at its ticks.
const IN_TIME: u64 = 20_000_000;

/// The machine, as seen by one who looks again and again.
pub(crate) struct Machine {
    looked: u64,
    own: Times,
    stolen: Stolen,
    /// Stolen, and not yet part of `paused`: it is told in large pieces, and no time can be stolen twice.
    owed: u64,
    paused: u64,
}

impl Machine {
    /// The first look; `stolen` is what had been by an earlier time from which on it counts.
    pub(crate) fn look(stolen: Stolen) -> Self {
        Self { looked: sys::now(), own: Times::own(), stolen, owed: 0, paused: 0 }
    }

    /// The next look, after a sleep of `sleep` nanoseconds. What it cannot put down to that sleep, to its own running or to a queue is a
    /// pause: it uses nothing in shared memory meanwhile.
    pub(crate) fn look_again(&mut self, sleep: u64) {
        let (now, own, stolen) = (sys::now(), Times::own(), Stolen::now());
        let passed = now.saturating_sub(self.looked);
        let known = own.ran.saturating_sub(self.own.ran) + own.queued.saturating_sub(self.own.queued) + sleep;
        let late = passed.saturating_sub(known + IN_TIME);
        self.owed += stolen.since(&self.stolen);
        let stood = self.owed.min(passed);
        self.owed -= stood;
        self.paused += late.max(stood);
        (self.looked, self.own, self.stolen) = (now, own, stolen);
    }

    /// When it was last looked at.
    pub(crate) fn looked(&self) -> u64 {
        self.looked
    }

    /// For how long it stood still, in nanoseconds.
    pub(crate) fn paused(&self) -> u64 {
        self.paused
    }
}

//! What a process of a scenario holds: cues to wait for, outcomes to count, the marks of the victim's operation.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use super::board::Board;
use crate::sys::{futex, trace};

/// When a process beside the victim goes on. In this order, each given once everybody is quiet: at its next cue,
/// asleep, or done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Cue {
    /// There is no victim yet: take what it is to find taken.
    Hold = 1,
    /// The victim stands at the beginning of its operation, its preparations done.
    Begun = 2,
    /// The victim has fallen asleep: queue up behind it. (After [`Killed`](Self::Killed) if it never did.)
    Asleep = 4,
    /// Give back what was held. (After [`Killed`](Self::Killed) if the victim never slept.)
    Release = 8,
    /// The victim is stopped where it will be killed: take what it has given back.
    Stopped = 16,
    /// The victim is gone and reaped.
    Killed = 32,
    /// Everybody has got through: three laps of use.
    Laps = 64,
}

/// A process's view of its scenario.
#[derive(Clone, Copy)]
pub struct Part {
    pub(super) board: &'static Board,
    /// None: the victim.
    pub(super) place: Option<usize>,
    pub(super) outcomes: &'static [&'static str],
}

impl Part {
    /// The victim's preparations are done: what follows is executed instruction by instruction.
    pub fn begin(&self) {
        trace::stop_for_tracer();
    }

    /// The victim's operation is over: what follows is not killed.
    pub fn over(&self) {
        self.board.over.store(1, SeqCst);
    }

    /// Waits for `cue`.
    ///
    /// # Panics
    ///
    /// In the victim, which nobody gives cues.
    pub fn wait(&self, cue: Cue) {
        let place = &self.board.places[self.place.expect("the victim gets no cues")];
        place.waits_for.store(cue as u32, SeqCst);
        self.ring();
        loop {
            let given = self.board.given.load(SeqCst);
            if given & cue as u32 != 0 {
                break;
            }
            futex::wait(&self.board.given, given, Duration::from_secs(60));
        }
        place.waits_for.store(0, SeqCst);
    }

    /// Counts an outcome, by a name that the scenario lists.
    ///
    /// # Panics
    ///
    /// If it lists no such name.
    pub fn count(&self, outcome: &str) {
        let at = self.outcomes.iter().position(|name| *name == outcome);
        let at = at.unwrap_or_else(|| panic!("the scenario lists no outcome `{outcome}`"));
        self.board.counts[at].fetch_add(1, SeqCst);
    }

    /// Dies as by SIGKILL: for a process that [`Fate::Dies`](super::Fate::Dies).
    pub fn die(&self) -> ! {
        if let Some(place) = self.place {
            self.board.places[place].done.store(1, SeqCst);
        }
        trace::die()
    }

    /// Tells the stage to look.
    pub(super) fn ring(&self) {
        self.board.bell.fetch_add(1, SeqCst);
        futex::wake_all(&self.board.bell);
    }

    /// Runs `act` in this process, just forked; a panic is its failure.
    pub(super) fn run(self, act: impl FnOnce(&Self)) {
        let failure = self.place.map_or(&self.board.failure, |place| &self.board.places[place].failure);
        // The hook knows the panic's place in the source, its payload does not.
        std::panic::set_hook(Box::new(move |panic| failure.write(&panic.to_string())));
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| act(&self)));
        if ended.is_err() {
            failure.write("panicked");
        }
        if let Some(place) = self.place {
            self.board.places[place].done.store(1, SeqCst);
        }
        self.ring();
    }
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("place", &self.place).finish_non_exhaustive()
    }
}

//! What has come of one primitive, and the lines in which the chore reads it.

use std::fmt;

/// Of one primitive, over the whole run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    /// Workers killed whose thread was inside.
    pub(crate) kills: u64,
    /// What was found of the dead, by the primitive's users or by the supervisor, and mended.
    pub(crate) recoveries: u64,
    /// The one with the most that is to be blamed.
    pub(crate) worst: Wait,
    /// The longest wait with all that is excused, in nanoseconds.
    pub(crate) longest: u64,
    pub(crate) stalls: u64,
    /// Waits so long that a stall and a pause of the machine look alike.
    pub(crate) unjudged: u64,
}

/// The longest that a wait may be after a death, in nanoseconds: a heartbeat, and some more.
pub(crate) const LIMIT: u64 = 1_200_000_000;

/// How long a thread, or the supervisor in its place, had to wait after deaths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wait {
    /// Nanoseconds without the next.
    pub(crate) blamed: u64,
    /// Nanoseconds that the machine's load has taken.
    pub(crate) excused: u64,
    /// How many of these it stood in a queue itself, or could not have got on as somebody had not begun yet.
    own: u64,
}

/// What is to be said of a wait that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    GotOn,
    Unjudged,
    Stalls,
}

impl Wait {
    /// So long, some of which is excused, of which some is the waiting thread's own.
    pub(crate) fn new(gross: u64, excused: u64, own: u64) -> Self {
        let excused = excused.min(gross);
        Self { blamed: gross - excused, excused, own: own.min(excused) }
    }

    pub(crate) fn gross(self) -> u64 {
        self.blamed + self.excused
    }

    /// That others stood in a queue, and that the machine stood, is no proof that this thread waited for that: beyond two limits it is not
    /// taken for one.
    pub(crate) fn verdict(self) -> Verdict {
        match self.gross() - self.own {
            _ if self.blamed > LIMIT => Verdict::Stalls,
            doubtful if doubtful > 2 * LIMIT => Verdict::Unjudged,
            _ => Verdict::GotOn,
        }
    }
}

impl Tally {
    /// Takes a wait that has ended, or has lasted long enough to be judged.
    pub(crate) fn take(&mut self, wait: Wait, verdict: Verdict) {
        self.worst = self.worst.max(wait);
        self.longest = self.longest.max(wait.gross());
        self.stalls += u64::from(verdict == Verdict::Stalls);
        self.unjudged += u64::from(verdict == Verdict::Unjudged);
    }

    /// The line of the primitive with this name.
    pub(crate) fn line(&self, name: &str) -> impl fmt::Display {
        let Self { operations, kills, recoveries, worst, longest, stalls, unjudged } = self;
        let [blamed, excused, longest] = [worst.blamed, worst.excused, *longest].map(|time| time / 1000);
        format!(
            "primitive operations={operations} kills={kills} recoveries={recoveries} worst_us={blamed} excused_us={excused} longest_us={longest} stalls={stalls} unjudged={unjudged} name={name}"
        )
    }
}

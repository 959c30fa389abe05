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
    pub(crate) worst: Wait,
    pub(crate) stalls: u64,
}

/// How long a thread had to wait after deaths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Wait {
    /// Nanoseconds without the next.
    pub(crate) blamed: u64,
    /// Nanoseconds that the machine's load has taken.
    pub(crate) excused: u64,
}

impl Wait {
    /// So long, some of which is excused.
    pub(crate) fn new(gross: u64, excused: u64) -> Self {
        Self { blamed: gross.saturating_sub(excused), excused: excused.min(gross) }
    }
}

impl Tally {
    /// The line of the primitive with this name.
    pub(crate) fn line(&self, name: &str) -> impl fmt::Display {
        let Self { operations, kills, recoveries, worst, stalls } = self;
        let (blamed, excused) = (worst.blamed / 1000, worst.excused / 1000);
        format!(
            "primitive operations={operations} kills={kills} recoveries={recoveries} worst_us={blamed} excused_us={excused} stalls={stalls} name={name}"
        )
    }
}

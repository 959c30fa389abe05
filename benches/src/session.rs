//! What a contender is once it has started: something that does one round of the bench after another.

use std::fmt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Result;
use crate::placement::{Cpu, Placement, Sides};
use crate::windows::Window;

/// What a contender is started with.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) quick: bool,
    /// How long a round is to last.
    pub(crate) round: Duration,
    /// The processors of the two sides; `None` if the kernel places them.
    sides: Option<Sides>,
}

impl Setting {
    const ROUND: Duration = Duration::from_millis(200);
    const QUICK_ROUND: Duration = Duration::from_millis(50);

    pub(crate) fn new(placement: Placement, quick: bool) -> Result<Self> {
        Ok(Self {
            quick,
            round: if quick { Self::QUICK_ROUND } else { Self::ROUND },
            sides: placement.sides()?,
        })
    }

    /// Where the measured side runs: this process, before it starts anything.
    pub(crate) fn near(&self) -> Option<Cpu> {
        self.sides.map(|sides| sides.near)
    }

    /// Where a worker that is a thread goes by itself; processes are put there.
    pub(crate) fn far(&self) -> Option<Cpu> {
        self.sides.map(|sides| sides.far)
    }

    /// Picks a size: the second one for `--quick`.
    pub(crate) fn size(&self, full: u64, quick: u64) -> u64 {
        if self.quick { quick } else { full }
    }
}

/// How a contender comes to life.
pub(crate) enum Start {
    /// In this process.
    Here(Box<dyn Session>),
    /// As a program that takes this process's place and speaks the same protocol.
    Program(Command),
}

impl Start {
    pub(crate) fn here(session: impl Session + 'static) -> Result<Self> {
        Ok(Self::Here(Box::new(session)))
    }
}

impl fmt::Debug for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Here(_) => "Here",
            Self::Program(_) => "Program",
        })
    }
}

/// A contender at work. A closure is one: it does some operations and tells how many. Dropping it ends what it started.
pub(crate) trait Session {
    /// Does some operations, at least one, and tells how many.
    fn batch(&mut self) -> Result<u64>;

    /// Repeats batches until `length` has passed.
    fn round(&mut self, length: Duration) -> Result<Sample> {
        let begin = Instant::now();
        let mut operations = 0;
        loop {
            operations += self.batch()?;
            let elapsed = begin.elapsed();
            if elapsed >= length {
                return Ok(Sample::timed(operations, elapsed));
            }
        }
    }
}

impl<F: FnMut() -> Result<u64>> Session for F {
    fn batch(&mut self) -> Result<u64> {
        self()
    }
}

/// What one round came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    pub(crate) operations: u64,
    /// What they took together: nanoseconds, or instructions in a bench whose unit counts these.
    pub(crate) spent: u64,
    /// A typical part of it with the core to itself, if that was looked at and came to enough.
    pub(crate) own_core: Option<OwnCore>,
    /// The windows that it was cut into; empty in a bench whose unit asks for none.
    pub(crate) windows: Vec<Window>,
}

impl Sample {
    pub(crate) fn new(operations: u64, spent: u64) -> Self {
        Self { operations, spent, own_core: None, windows: Vec::new() }
    }

    pub(crate) fn timed(operations: u64, elapsed: Duration) -> Self {
        Self::new(operations, nanos(elapsed))
    }
}

/// What was done while nobody else used the core, as far as one can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnCore {
    pub(crate) operations: u64,
    /// Nanoseconds.
    pub(crate) spent: u64,
    /// How long the quickest probe of the core has taken.
    pub(crate) probe: Duration,
}

impl OwnCore {
    pub(crate) fn timed(operations: u64, elapsed: Duration, probe: Duration) -> Self {
        Self { operations, spent: nanos(elapsed), probe }
    }

    /// As if there had been nothing else.
    pub(crate) fn sample(self) -> Sample {
        Sample::new(self.operations, self.spent)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

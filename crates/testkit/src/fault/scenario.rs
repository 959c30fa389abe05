//! Scenarios: who dies in which operation, who is there, what must hold afterwards.

use std::ops::Range;
use std::time::Duration;

use super::Part;

/// What a process does, over the state that all share.
pub type Act<T> = fn(&'static T, &Part);

/// The state of one kill point.
#[derive(Debug)]
pub struct Scene<T: 'static> {
    /// Fresh, in shared memory.
    pub shared: &'static T,
    /// The shared memory in which a store makes a kill point, when there are too many instructions to kill at each.
    pub watched: Vec<Range<usize>>,
}

/// From where the victim is executed instruction by instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// [`Part::begin`].
    Begin,
    /// The sleep into which it falls first; the next point is the return from it, before the first instruction.
    Sleep,
}

/// What becomes of a process beside the victim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It must get through and use the state for three laps.
    Survives,
    /// It ends by itself, by [`Part::die`], before the victim begins.
    Dies,
    /// It is killed together with the victim.
    Doomed,
}

/// A process beside the victim.
#[derive(Debug)]
pub struct Peer<T: 'static> {
    /// For the report of a failure.
    pub name: &'static str,
    /// What becomes of it.
    pub fate: Fate,
    /// What it does; a panic is a failure. A survivor waits for [`Cue::Laps`](super::Cue::Laps) once it got through.
    pub act: Act<T>,
}

/// One victim in one company.
#[derive(Debug)]
pub struct Scenario<T: 'static> {
    /// `victim/company`.
    pub name: String,
    /// Names of outcomes that the survivors count.
    pub outcomes: &'static [&'static str],
    /// Called once, in the program itself, before the first kill point: for what all scenes are made from.
    pub prepare: fn(),
    /// Makes the state, in a process of its own for each kill point.
    pub scene: fn() -> Scene<T>,
    /// From where the victim is stepped.
    pub start: Start,
    /// Prepares, calls [`Part::begin`], does the operation, calls [`Part::over`].
    pub victim: Act<T>,
    /// Who else is there, from before the victim.
    pub peers: Vec<Peer<T>>,
    /// Comes when all others have got through, and does the laps with them.
    pub newcomer: Act<T>,
    /// Labels of the program's functions that must have got a kill point at their entry.
    pub must_hit: Vec<&'static str>,
    /// For how long nobody may stir, while survivors have not got through: then they hang.
    ///
    /// It must be shorter than any heartbeat that would hide a lost wake-up, unless the scenario is about that. Where all peers live and
    /// the victim is killed after its operation, it is never longer than 400 ms.
    pub patience: Duration,
}

//! Kill points, and the recording that finds them.

use std::collections::BTreeMap;

use super::Label;
use super::memory::Watch;
use super::scenario::{Scene, Start};

/// Up to here every step is a kill point; above, each instruction once, when it is executed first, and each step that
/// stores to shared memory or enters the kernel.
const EVERY: usize = 1500;

/// If even that is more than this, only the steps that store to shared memory or enter the kernel are kill points.
const ONCE: usize = 4500;

/// Stands for an address: in a sleep.
pub(super) const SLEEP: usize = usize::MAX;

/// A moment of an operation, found again by what the victim has come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Visit {
    /// How often it had slept.
    pub(super) sleeps: usize,
    /// Which instruction is next.
    pub(super) address: usize,
    /// How often it had executed that one since it slept.
    pub(super) nth: usize,
    /// How many steps it had taken in all, a sleep being one more.
    pub(super) position: usize,
}

impl From<[usize; 4]> for Visit {
    fn from([sleeps, address, nth, position]: [usize; 4]) -> Self {
        Self { sleeps, address, nth, position }
    }
}

/// Where the victim is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Nowhere: its way is written down.
    Record,
    /// Where it comes to a visit; it runs up to there.
    Visit(Visit),
    /// After so many steps, one by one.
    Position(usize),
    /// After the end.
    End,
}

/// The way of a victim, written down.
pub(super) struct Record<'s> {
    watch: Watch,
    labels: &'s [Label],
    start: Start,
    /// With whether a kill there can tell anything that one at its neighbours can't.
    way: Vec<(Visit, bool)>,
    visits: BTreeMap<usize, usize>,
    sleeps: usize,
    /// How many steps there were in all.
    position: usize,
}

impl<'s> Record<'s> {
    pub(super) fn new<T>(scene: &Scene<T>, labels: &'s [Label], start: Start) -> Self {
        let watch = Watch::new(&scene.watched);
        Self { watch, labels, start, way: Vec::new(), visits: BTreeMap::new(), sleeps: 0, position: 0 }
    }

    /// The victim stands before `address`, or is asleep. `entered`: the instruction before that entered the kernel.
    pub(super) fn come(&mut self, address: usize, asleep: bool, entered: bool) {
        let stored = self.watch.changed() || entered;
        if stored && let Some((_, matters)) = self.way.last_mut() {
            *matters = true;
        }
        let address = if asleep { SLEEP } else { address };
        let nth = self.visits.entry(address).or_default();
        let visit = Visit { sleeps: self.sleeps, address, nth: *nth, position: self.position };
        *nth += 1;
        let at_label = self.labels.iter().any(|label| label.1 == address);
        self.way.push((visit, stored || asleep || at_label));
        self.position += 1;
        if asleep {
            self.sleeps += 1;
            self.visits.clear();
        }
    }

    /// The kill points.
    pub(super) fn points(&self) -> Vec<Visit> {
        let slept = |visit: &Visit| visit.sleeps > 0 || visit.address == SLEEP;
        let mut way = self.way.clone();
        way.retain(|(visit, _)| self.start == Start::Begin || slept(visit));
        let first_or_matters = |&(visit, matters): &(Visit, bool)| visit.nth == 0 || matters;
        if way.len() > EVERY {
            let few = way.iter().filter(|step| first_or_matters(step)).count() <= ONCE;
            way.retain(|step| if few { first_or_matters(step) } else { step.1 });
        }
        way.into_iter().map(|(visit, _)| visit).collect()
    }
}

//! Kill points, and the recording that finds them.

use std::collections::BTreeMap;

use super::Label;
use super::memory::Watch;
use super::scenario::Scene;

/// Up to here every step is a kill point; above, each instruction once, when it is executed first, and each step that
/// stores to shared memory or enters the kernel.
const EVERY: usize = 1500;

/// If even that is more than this, only the steps that store to shared memory or enter the kernel are kill points.
const ONCE: usize = 4500;

/// Up to here a point that a run at full speed does not come to is stepped to, whatever it does.
const NEAR: usize = 2500;

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
    /// How many steps it had taken from where the kill points begin, a sleep being one more.
    pub(super) position: usize,
    /// Whether a kill here can tell anything that one at its neighbours can't: shared memory is stored to, or the kernel
    /// entered, just before or next.
    pub(super) matters: bool,
}

impl Visit {
    /// Whether to come here step by step, if a run at full speed does not. Far from the beginning that takes long.
    pub(super) fn is_worth_steps(&self) -> bool {
        self.matters || self.position < NEAR
    }
}

/// A share of a scenario's kill points, for a process of its own: the program records anew in each, and addresses differ from one to the
/// next, but not where they lie in their pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// From 0.
    pub(super) number: usize,
    pub(super) of: usize,
    /// Above [`EVERY`] steps only those that store to shared memory or enter the kernel, before and after.
    pub(super) quick: bool,
}

impl Share {
    /// The only one.
    pub(super) const ALL: Self = Self { number: 0, of: 1, quick: false };

    /// `NUMBER/OF`, counted from 1.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, of) = text.split_once('/')?;
        let (number, of): (usize, usize) = (number.parse().ok()?, of.parse().ok()?);
        (1..=of).contains(&number).then(|| Self { number: number - 1, of, quick: false })
    }

    /// Whether a visit of so many steps is in this share. Each is in one, and those to labels, which are asked for, in all.
    pub(super) fn takes(self, visit: &Visit, steps: usize, labels: &[Label]) -> bool {
        const IN_PAGE: usize = 4095;
        if self.quick && steps > EVERY && !visit.matters {
            return false;
        }
        let key = (visit.address & IN_PAGE) + visit.nth + visit.sleeps;
        key % self.of == self.number || labels.iter().any(|label| label.1 == visit.address)
    }
}

impl From<[usize; 5]> for Visit {
    fn from([sleeps, address, nth, position, matters]: [usize; 5]) -> Self {
        Self { sleeps, address, nth, position, matters: matters == 1 }
    }
}

impl From<Visit> for [usize; 5] {
    fn from(visit: Visit) -> Self {
        [visit.sleeps, visit.address, visit.nth, visit.position, usize::from(visit.matters)]
    }
}

/// Where the victim is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Nowhere: its way is written down.
    Record,
    /// Where it comes to a visit; it runs up to there.
    Visit(Visit),
    /// After so many steps, one by one, from where the kill points begin.
    Position(usize),
    /// After the end.
    End,
}

/// The way of a victim from where the kill points begin, written down.
pub(super) struct Record<'s> {
    watch: Watch,
    labels: &'s [Label],
    way: Vec<Visit>,
    visits: BTreeMap<usize, usize>,
    sleeps: usize,
    /// How many steps there were in all.
    position: usize,
}

impl<'s> Record<'s> {
    pub(super) fn new<T>(scene: &Scene<T>, labels: &'s [Label]) -> Self {
        let watch = Watch::new(&scene.watched);
        Self { watch, labels, way: Vec::new(), visits: BTreeMap::new(), sleeps: 0, position: 0 }
    }

    /// The victim stands before `address`, or is asleep. `entered`: the instruction before that entered the kernel.
    pub(super) fn come(&mut self, address: usize, asleep: bool, entered: bool) {
        let stored = self.watch.changed() || entered;
        if stored && let Some(before) = self.way.last_mut() {
            before.matters = true;
        }
        let address = if asleep { SLEEP } else { address };
        let nth = self.visits.entry(address).or_default();
        let at_label = self.labels.iter().any(|label| label.1 == address);
        let matters = stored || asleep || at_label;
        self.way.push(Visit { sleeps: self.sleeps, address, nth: *nth, position: self.position, matters });
        *nth += 1;
        self.position += 1;
        if asleep {
            self.sleeps += 1;
            self.visits.clear();
        }
    }

    /// The kill points.
    pub(super) fn points(&self) -> Vec<Visit> {
        let mut way = self.way.clone();
        if way.len() > EVERY {
            let first_or_matters = |visit: &Visit| visit.nth == 0 || visit.matters;
            let few = way.iter().filter(|visit| first_or_matters(visit)).count() <= ONCE;
            way.retain(|visit| if few { first_or_matters(visit) } else { visit.matters });
        }
        way
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_visit_is_in_one_share_and_those_to_labels_are_in_all() {
        let shares = ["1/3", "2/3", "3/3"].map(|text| Share::parse(text).unwrap());
        for (address, nth) in [(0x1000, 0), (0x1003, 0), (0x1003, 1), (0x2ff7, 9), (SLEEP, 0)] {
            let visit = Visit::from([1, address, nth, 77, 0]);
            let elsewhere = Visit { address: address ^ 0x5000, position: 78, ..visit };
            let takers = shares.map(|share| share.takes(&visit, 1, &[]));
            assert_eq!(takers.iter().filter(|takes| **takes).count(), 1);
            assert_eq!(
                takers,
                shares.map(|share| share.takes(&elsewhere, 1, &[])),
                "wherever the program lies"
            );
            assert!(shares.iter().all(|share| share.takes(&visit, 1, &[("label", address)])));
            assert!(Share::ALL.takes(&visit, 1, &[]));
        }
    }

    #[test]
    fn quickly_only_what_matters_is_taken_of_a_long_way() {
        let quick = Share { quick: true, ..Share::ALL };
        let visit = |matters| Visit::from([0, 0x1000, 0, 7, matters]);
        assert!(quick.takes(&visit(0), EVERY, &[]) && quick.takes(&visit(1), EVERY + 1, &[]));
        assert!(!quick.takes(&visit(0), EVERY + 1, &[]) && Share::ALL.takes(&visit(0), EVERY + 1, &[]));
    }

    #[test]
    fn a_share_that_is_none_is_refused() {
        assert!(["", "1", "0/3", "4/3", "a/3", "1/0"].iter().all(|text| Share::parse(text).is_none()));
    }
}

//! Items by rank, for a priority queue: sorted runs, out of which the least is taken without comparing anything.

use std::collections::VecDeque;

use super::locked::Collection;

/// The most bytes that the items of a run have together, if that is not less than [`FEWEST`] or more than [`MOST`] items: about half of
/// them move when one is put among them.
const RUN: usize = 16 << 10;
const FEWEST: usize = 32;
const MOST: usize = 512;

/// Items of a rank, the least first, and among equals the one that came first: runs, one after the other. None is empty but the only one.
pub(super) struct Ranked<R> {
    runs: VecDeque<VecDeque<R>>,
    len: usize,
}

/// Where an item belongs: in the run with this number, before the item with this number in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    run: usize,
    within: usize,
}

impl<R> Ranked<R> {
    /// The most items in a run.
    const LONGEST: usize = match size_of::<R>() {
        0 => MOST,
        size if RUN / size < FEWEST => FEWEST,
        size if RUN / size > MOST => MOST,
        size => RUN / size,
    };
}

impl<R> Default for Ranked<R> {
    fn default() -> Self {
        Self { runs: VecDeque::new(), len: 0 }
    }
}

impl<R: Ord> Collection for Ranked<R> {
    type Item = R;
    type Place = Place;

    const COMPARES: bool = true;

    /// After all that are not greater. An order that says one thing now and another then leads to some place.
    fn place(&self, rank: &R) -> Place {
        let is_before = |other: &R| rank.cmp(other).is_ge();
        let run = self.runs.partition_point(|run| run.back().is_some_and(is_before));
        match (self.runs.get(run), self.runs.back()) {
            (Some(found), _) => Place { run, within: found.partition_point(is_before) },
            (None, Some(last)) => Place { run: run - 1, within: last.len() },
            (None, None) => Place { run: 0, within: 0 },
        }
    }

    fn insert(&mut self, Place { run, within }: Place, rank: R) {
        self.len += 1;
        let Some(found) = self.runs.get_mut(run) else {
            return self.runs.push_back([rank].into());
        };
        if found.len() < Self::LONGEST {
            found.insert(within, rank);
        } else if within == found.len() {
            self.runs.insert(run + 1, [rank].into()); // so that items that come in order fill their runs
        } else {
            let half = found.len() / 2;
            let mut upper = found.split_off(half);
            match within.checked_sub(half) {
                Some(within) => upper.insert(within, rank),
                None => found.insert(within, rank),
            }
            self.runs.insert(run + 1, upper);
        }
    }

    fn remove(&mut self) -> Option<R> {
        let first = self.runs.front_mut()?;
        let rank = first.pop_front()?;
        self.len -= 1;
        if first.is_empty() && self.runs.len() > 1 {
            self.runs.pop_front();
        }
        Some(rank)
    }

    fn len(&self) -> usize {
        self.len
    }
}

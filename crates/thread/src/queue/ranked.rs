//! Items by rank, for a priority queue: a tree, out of which the least is taken without comparing anything.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::locked::Collection;

/// Items of a rank, the least first, and among equals the one that came first.
pub(super) struct Ranked<R> {
    entries: BTreeSet<Entry<R>>,
    /// Given to the next one.
    number: u64,
}

/// `number` is another one for each, so that no two are equal, whatever the user's order says.
struct Entry<R> {
    rank: R,
    number: u64,
}

impl<R: Ord> Ord for Entry<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank).then(self.number.cmp(&other.number))
    }
}

impl<R: Ord> PartialOrd for Entry<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R: Ord> PartialEq for Entry<R> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<R: Ord> Eq for Entry<R> {}

impl<R> Default for Ranked<R> {
    fn default() -> Self {
        Self { entries: BTreeSet::new(), number: 0 }
    }
}

impl<R: Ord> Collection for Ranked<R> {
    type Item = R;

    const COMPARES: bool = true;

    /// Compares first, then changes: an order that panics leaves the tree as it was.
    fn insert(&mut self, rank: R) {
        let number = self.number;
        self.entries.insert(Entry { rank, number });
        self.number += 1;
    }

    fn remove(&mut self) -> Option<R> {
        self.entries.pop_first().map(|entry| entry.rank)
    }

    fn len(&self) -> usize {
        self.entries.len()
    }
}

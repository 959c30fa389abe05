//! The sum of many tallies.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::batch::Tally;
use crate::files::Unreadable;

#[derive(Default)]
pub(crate) struct Totals {
    words: HashMap<String, u64>,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) unreadable: Unreadable,
}

impl Totals {
    pub(crate) fn add(&mut self, tally: Tally) {
        for (word, count) in tally.words.split_terminator(' ').zip(tally.counts) {
            if let Some(total) = self.words.get_mut(word) {
                *total += count;
            } else {
                self.words.insert(word.to_string(), count);
            }
        }
        self.files += tally.files;
        self.bytes += tally.bytes;
        self.unreadable.extend(tally.unreadable);
    }

    pub(crate) fn merged(mut self, other: Self) -> Self {
        for (word, count) in other.words {
            *self.words.entry(word).or_default() += count;
        }
        self.files += other.files;
        self.bytes += other.bytes;
        self.unreadable.extend(other.unreadable);
        self
    }

    /// The `n` most frequent words: by count downwards, then by word.
    pub(crate) fn most_frequent(&self, n: usize) -> Vec<(&str, u64)> {
        let mut words: Vec<_> = self.words.iter().map(|(word, count)| (word.as_str(), *count)).collect();
        let rank = |&(word, count): &(_, u64)| (Reverse(count), word);
        if n < words.len() {
            words.select_nth_unstable_by_key(n, rank); // far cheaper than sorting millions
            words.truncate(n);
        }
        words.sort_unstable_by_key(rank);
        words
    }
}

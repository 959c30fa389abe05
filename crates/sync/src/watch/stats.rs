//! How often, and for how long, named locks were waited for and held: a table that all processes of a family count in.
//!
//! # Ordering
//!
//! Every access is relaxed. An entry is nothing but numbers that are added to, each by itself, from all zero: no one of them announces
//! another, and what its key says is all in the key. Who reads the table while others count sees each number at some moment of its own.
//! What a thread counted before it was joined, or before its process was waited for, is seen after, by the order that these make.
//!
//! # Death
//!
//! An entry is claimed by one exchange of its key, and a kill leaves it free or claimed: claimed and never counted in, it is as good
//! as any. An acquisition is counted by one addition, contended or not, and so is a hold. What a kill between two additions leaves is a
//! total of times that lacks the last one.

#![cfg_attr(not(feature = "contention"), allow(dead_code))] // beside `deadlock`, the table is there and nobody counts; nor is all of it in models

use std::sync::atomic::Ordering::Relaxed;

use super::bucket::{BUCKETS, bucket_of};
use crate::planted::{Bug, planted};
use crate::primitive::AtomicU64;

/// The most pairs of a lock's name and a call site that are counted, in a family and in the tables of a process: at about nine tenths
/// of them the first find no place, as not all places are looked at for each.
pub(crate) const MAX_PAIRS: usize = 4096;

/// How many places are looked at for a pair: a bound for those that find none, at each acquisition.
const PROBES: usize = if cfg!(multiproc_loom) { 2 } else { 64 };

/// What is counted apart: a lock by its number, where it was acquired, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// Of the lock, below 2^31, and not 0.
    pub(crate) number: u32,
    /// Of the call site; 0: not known.
    pub(crate) site: u32,
    /// Beside others, as a reader.
    pub(crate) shared: bool,
}

const SHARED: u64 = 1 << 31;

impl Pair {
    /// Never 0.
    fn key(self) -> u64 {
        debug_assert!(self.number != 0 && u64::from(self.number) < SHARED);
        u64::from(self.site) << 32 | if self.shared { SHARED } else { 0 } | u64::from(self.number)
    }

    fn of_key(key: u64) -> Self {
        Self { number: (key & (SHARED - 1)) as u32, site: (key >> 32) as u32, shared: key & SHARED != 0 }
    }
}

/// One pair's numbers; all of them 0: free.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Stats {
    key: AtomicU64,
    /// Acquisitions at the first try. Those that waited are counted in `waits`: one addition each, so that they are always whole.
    at_once: AtomicU64,
    /// Of all waits, and of all holds, in nanoseconds.
    wait_total: AtomicU64,
    hold_total: AtomicU64,
    waits: [AtomicU64; BUCKETS],
    holds: [AtomicU64; BUCKETS],
}

/// What an entry's numbers were, each at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) at_once: u64,
    pub(crate) wait_total: u64,
    pub(crate) hold_total: u64,
    pub(crate) waits: [u64; BUCKETS],
    pub(crate) holds: [u64; BUCKETS],
}

impl Stats {
    /// A free entry, of a model: on a machine they are zeroed memory.
    #[cfg(any(test, multiproc_loom))]
    pub(crate) fn new() -> Self {
        let [key, at_once, wait_total, hold_total] = [0; 4].map(AtomicU64::new);
        let [waits, holds] = [0; 2].map(|zero| [zero; BUCKETS].map(AtomicU64::new));
        Self { key, at_once, wait_total, hold_total, waits, holds }
    }

    /// One acquisition more.
    #[inline(always)]
    fn acquired(&self, waited: Option<u64>) {
        match waited {
            None => drop(self.at_once.fetch_add(1, Relaxed)),
            Some(nanos) => {
                self.waits[bucket_of(nanos)].fetch_add(1, Relaxed);
                self.wait_total.fetch_add(nanos, Relaxed);
            }
        }
    }

    /// One hold more.
    #[inline(always)]
    fn held(&self, nanos: u64) {
        self.holds[bucket_of(nanos)].fetch_add(1, Relaxed);
        self.hold_total.fetch_add(nanos, Relaxed);
    }

    fn counts(&self) -> Counts {
        let all = |numbers: &[AtomicU64; BUCKETS]| numbers.each_ref().map(|number| number.load(Relaxed));
        Counts {
            at_once: self.at_once.load(Relaxed),
            wait_total: self.wait_total.load(Relaxed),
            hold_total: self.hold_total.load(Relaxed),
            waits: all(&self.waits),
            holds: all(&self.holds),
        }
    }

    /// Sets every number to 0, but for the key: a pair keeps its place, as others have passed over it on the way to theirs.
    fn clear(&self) {
        let totals = [&self.at_once, &self.wait_total, &self.hold_total].into_iter();
        totals.chain(&self.waits).chain(&self.holds).for_each(|number| number.store(0, Relaxed));
    }
}

/// The entries of a family, or of a process. The last one is no pair's: there it is counted how often there was no place for one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table<'a>(&'a [Stats]);

impl<'a> Table<'a> {
    /// How many entries a table has.
    pub(crate) const LEN: usize = MAX_PAIRS + 1;

    /// A table of zeroed entries: a power of two, and one.
    pub(crate) fn new(entries: &'a [Stats]) -> Self {
        debug_assert!(entries.len() > 1 && (entries.len() - 1).is_power_of_two());
        Self(entries)
    }

    /// The places for a key, in the order in which they are looked at: pairs that begin at one place do not go on side by side.
    #[inline(always)]
    fn places(self, key: u64) -> impl Iterator<Item = &'a Stats> {
        let pairs = &self.0[..self.0.len() - 1];
        let (begin, last) = ((key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as usize, pairs.len() - 1);
        // Steps of 1, 2, 3, …: of a power of two places, none comes twice before all have come.
        (0..PROBES.min(pairs.len())).map(move |probe| &pairs[(begin + probe * (probe + 1) / 2) & last])
    }

    /// The entry of a pair, claimed if it had none. `None`: there is no place for it.
    #[inline(always)]
    fn of(self, pair: Pair) -> Option<&'a Stats> {
        let key = pair.key();
        for place in self.places(key) {
            let mut found = place.key.load(Relaxed);
            if found == 0 {
                found = match place.claim(key) {
                    Ok(_) => return Some(place),
                    // Of another thread, which may have had the same in mind.
                    Err(_) if planted(Bug::PairUnlooked) => continue,
                    Err(other) => other,
                };
            }
            if found == key {
                return Some(place);
            }
        }
        None
    }

    /// Counts an acquisition, and the nanoseconds that it waited if it did.
    #[inline]
    pub(crate) fn acquired(self, pair: Pair, waited: Option<u64>) {
        match self.of(pair) {
            Some(stats) => stats.acquired(waited),
            None => self.lose(),
        }
    }

    /// Counts a hold, in nanoseconds, that was counted as an acquisition when it began: one that found no place then finds none now.
    #[inline]
    pub(crate) fn held(self, pair: Pair, nanos: u64) {
        if let Some(stats) = self.of(pair) {
            stats.held(nanos);
        }
    }

    #[cold]
    fn lose(self) {
        if let Some(lost) = self.0.last() {
            lost.at_once.fetch_add(1, Relaxed);
        }
    }

    /// Acquisitions for whose pair there was no place.
    pub(crate) fn lost(self) -> u64 {
        self.0.last().map_or(0, |lost| lost.at_once.load(Relaxed))
    }

    /// The pairs and what was counted of them.
    pub(crate) fn rows(self) -> impl Iterator<Item = (Pair, Counts)> + 'a {
        let claimed = |stats: &Stats| match stats.key.load(Relaxed) {
            0 => None,
            key => Some((Pair::of_key(key), stats.counts())),
        };
        self.0.iter().filter_map(claimed)
    }

    /// Begins to count anew. What others are counting in this moment is counted before or after.
    pub(crate) fn clear(self) {
        // An entry that nobody has claimed is left untouched: it may be memory that was never there.
        let counted = |stats: &&Stats| stats.key.load(Relaxed) != 0;
        self.0.iter().filter(counted).chain(self.0.last()).for_each(Stats::clear);
    }
}

impl Stats {
    /// Makes a free entry that of a pair, or tells whose it is.
    fn claim(&self, key: u64) -> Result<u64, u64> {
        if planted(Bug::PairStored) {
            self.key.store(key, Relaxed);
            return Ok(0);
        }
        self.key.compare_exchange(0, key, Relaxed, Relaxed)
    }
}

#[cfg(all(test, not(multiproc_loom)))]
mod tests {
    use super::*;

    fn entries(pairs: usize) -> Vec<Stats> {
        (0..=pairs).map(|_| Stats::new()).collect()
    }

    fn pair(number: u32, site: u32) -> Pair {
        Pair { number, site, shared: false }
    }

    #[test]
    fn a_pair_survives_its_key() {
        let largest = Pair { number: (1 << 31) - 1, site: u32::MAX, shared: true };
        for pair in [largest, pair(1, 0), Pair { number: 1, site: 7, shared: true }] {
            assert_ne!(pair.key(), 0);
            assert_eq!(Pair::of_key(pair.key()), pair);
        }
    }

    #[test]
    fn what_is_counted_of_one_pair_is_no_others() {
        let entries = entries(64);
        let table = Table::new(&entries);
        let reader = Pair { shared: true, ..pair(1, 1) };
        for (pair, waited) in [(pair(1, 1), None), (pair(1, 2), Some(40)), (reader, None), (pair(2, 1), None)]
        {
            table.acquired(pair, waited);
            table.held(pair, u64::from(pair.number) * 1000);
        }
        table.acquired(pair(1, 1), Some(20));
        let counts = |wanted| table.rows().find(|(pair, _)| *pair == wanted).expect("it was counted").1;
        let first = counts(pair(1, 1));
        assert_eq!((first.at_once, first.waits[0], first.wait_total, first.hold_total), (1, 1, 20, 1000));
        let second = counts(pair(1, 2));
        assert_eq!((second.at_once, second.waits[1], second.wait_total), (0, 1, 40));
        assert_eq!((counts(reader).at_once, counts(pair(2, 1)).hold_total), (1, 2000));
        assert_eq!((table.rows().count(), table.lost()), (4, 0));
    }

    #[test]
    fn in_a_full_table_what_has_no_place_is_told() {
        let entries = entries(16);
        let table = Table::new(&entries);
        for number in 1..=20 {
            table.acquired(pair(number, 1), None);
            table.acquired(pair(number, 1), Some(1));
            table.held(pair(number, 1), 1);
        }
        let whole = |(_, counts): (Pair, Counts)| {
            assert_eq!((counts.at_once, counts.waits[0], counts.holds[0]), (1, 1, 1));
        };
        table.rows().for_each(whole);
        assert_eq!((table.rows().count(), table.lost()), (16, 8));
        table.clear();
        assert_eq!(table.lost(), 0);
        table.acquired(pair(3, 1), None);
        assert_eq!((table.rows().map(|(_, counts)| counts.at_once).sum::<u64>(), table.lost()), (1, 0));
    }

    #[test]
    fn most_of_a_table_is_filled_before_anything_is_lost() {
        let entries = entries(MAX_PAIRS);
        let table = Table::new(&entries);
        let pairs = (0..).flat_map(|site| (1..=64).map(move |number| pair(number, site)));
        let placed = pairs.take_while(|pair| table.of(*pair).is_some()).count();
        assert!(placed >= MAX_PAIRS * 9 / 10, "only {placed} pairs found a place");
    }

    #[test]
    fn who_was_lost_is_lost_at_its_release_too() {
        let entries = entries(1);
        let table = Table::new(&entries);
        table.acquired(pair(1, 1), None);
        table.acquired(pair(2, 1), None);
        table.held(pair(2, 1), 5);
        let rows: Vec<_> = table.rows().collect();
        assert_eq!((rows.len(), rows[0].0, rows[0].1.hold_total, table.lost()), (1, pair(1, 1), 0, 1));
    }

    #[test]
    fn an_entry_begins_at_a_line_of_its_own() {
        assert_eq!(size_of::<Stats>() % 64, 0);
        assert_eq!(align_of::<Stats>(), 64);
    }
}

//! What was counted of named locks, put together.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Histogram;
use crate::watch::{Access, CallSite, stats};

/// What has become of the named locks, by name and call site: of the whole family that this process is in, and of this process. Shown,
/// it is a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Those that were waited for longest come first.
    pub locks: Vec<LockReport>,
    /// Acquisitions that are in none of them, as no more pairs of a lock and a call site can be told apart.
    pub lost: u64,
}

/// What has become of all locks of one name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockReport {
    /// As it was given by `set_name`.
    pub name: String,
    /// Places in the source that have taken it, those that have waited longest first.
    pub sites: Vec<SiteReport>,
}

/// What has become of the locks of one name at one place in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SiteReport {
    /// `None`: more places have taken locks than can be told apart.
    pub site: Option<CallSite>,
    /// How it is used there.
    pub access: Access,
    /// What was counted.
    pub counts: Counts,
}

/// What was counted of a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// How often it was taken.
    pub acquisitions: u64,
    /// How long was waited for it, where it could not be had at once.
    pub waits: Histogram,
    /// For how long it was held, each time that is over.
    pub holds: Histogram,
}

impl Report {
    /// The locks of this name.
    pub fn lock(&self, name: &str) -> Option<&LockReport> {
        self.locks.iter().find(|lock| lock.name == name)
    }

    /// Puts together what belongs to one name and place.
    pub(crate) fn of(rows: impl Iterator<Item = (String, SiteReport)>, lost: u64) -> Self {
        let mut locks = BTreeMap::<_, BTreeMap<_, Counts>>::new();
        for (name, row) in rows.filter(|(_, row)| !row.counts.is_nothing()) {
            let sites = locks.entry(name).or_default();
            sites.entry((row.site, row.access == Access::Read)).or_default().add(&row.counts);
        }
        let mut locks: Vec<_> = locks.into_iter().map(LockReport::of).collect();
        locks.sort_by_cached_key(|lock| longest_first(&lock.total()));
        Self { locks, lost }
    }
}

impl LockReport {
    fn of((name, sites): (String, BTreeMap<(Option<CallSite>, bool), Counts>)) -> Self {
        let access = |shared| if shared { Access::Read } else { Access::Exclusive };
        let row = |((site, shared), counts)| SiteReport { site, access: access(shared), counts };
        let mut sites: Vec<_> = sites.into_iter().map(row).collect();
        sites.sort_by_cached_key(|site| longest_first(&site.counts));
        Self { name, sites }
    }

    /// What was counted at all places together.
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.sites.iter().for_each(|site| total.add(&site.counts));
        total
    }

    /// What was counted at all places that use it so: of an [`RwLock`](crate::RwLock) its readers, or its writers.
    pub fn total_of(&self, access: Access) -> Counts {
        let mut total = Counts::default();
        self.sites.iter().filter(|site| site.access == access).for_each(|site| total.add(&site.counts));
        total
    }
}

impl Counts {
    /// How often it was waited for, among the acquisitions.
    pub fn contended(&self) -> u64 {
        self.waits.count()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.acquisitions += other.acquisitions;
        self.waits.add(&other.waits);
        self.holds.add(&other.holds);
    }

    fn is_nothing(&self) -> bool {
        self.acquisitions == 0 && self.holds.count() == 0
    }
}

impl From<stats::Counts> for Counts {
    fn from(counts: stats::Counts) -> Self {
        let waits = Histogram::new(counts.waits, counts.wait_total);
        let holds = Histogram::new(counts.holds, counts.hold_total);
        // Each of the others has waited.
        Self { acquisitions: counts.at_once + waits.count(), waits, holds }
    }
}

fn longest_first(counts: &Counts) -> impl Ord + use<> {
    let times: [Duration; 2] = [counts.waits.total(), counts.holds.total()];
    std::cmp::Reverse((times, counts.acquisitions))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::watch::bucket::{BUCKETS, bucket_of};

    /// A row with so many acquisitions, the times of those that waited, and of all holds.
    pub(crate) fn row(
        name: &str,
        line: u32,
        access: Access,
        counts: (u64, &[u64], &[u64]),
    ) -> (String, SiteReport) {
        let histogram = |times: &[u64]| {
            let mut buckets = [0; BUCKETS];
            times.iter().for_each(|time| buckets[bucket_of(*time)] += 1);
            Histogram::new(buckets, times.iter().sum())
        };
        let counts =
            Counts { acquisitions: counts.0, waits: histogram(counts.1), holds: histogram(counts.2) };
        (name.to_string(), SiteReport { site: Some(CallSite::new("src/a.rs", line, 5)), access, counts })
    }

    #[test]
    fn one_name_and_place_is_one_row() {
        let alone = Access::Exclusive;
        let rows = [
            row("orders", 7, alone, (2, &[100], &[10, 20])),
            row("users", 7, alone, (1, &[], &[5])),
            row("orders", 7, alone, (3, &[200], &[10])),
            row("orders", 9, alone, (1, &[], &[])),
        ];
        let report = Report::of(rows.into_iter(), 4);
        let orders = report.lock("orders").unwrap();
        assert_eq!((report.locks.len(), orders.sites.len(), report.lost), (2, 2, 4));
        let first = &orders.sites[0].counts;
        assert_eq!((first.acquisitions, first.contended(), first.holds.count()), (5, 2, 3));
        assert_eq!(
            (first.waits.total(), first.holds.total()),
            (Duration::from_nanos(300), Duration::from_nanos(40))
        );
        assert_eq!(orders.total().acquisitions, 6);
        assert_eq!(report.lock("nobody's"), None);
    }

    #[test]
    fn readers_and_writers_of_one_place_stay_apart() {
        let rows =
            [row("table", 3, Access::Read, (5, &[], &[])), row("table", 3, Access::Exclusive, (2, &[], &[]))];
        let report = Report::of(rows.into_iter(), 0);
        let table = report.lock("table").unwrap();
        let counts = [Access::Read, Access::Exclusive].map(|access| table.total_of(access).acquisitions);
        assert_eq!((table.sites.len(), counts), (2, [5, 2]));
    }

    #[test]
    fn who_was_waited_for_longest_comes_first() {
        let alone = Access::Exclusive;
        let rows = [
            row("quiet", 1, alone, (9, &[], &[900])),
            row("waited for", 2, alone, (2, &[50], &[1])),
            row("waited for", 3, alone, (1, &[70], &[1])),
            row("quieter", 1, alone, (9, &[], &[800])),
        ];
        let report = Report::of(rows.into_iter(), 0);
        let names: Vec<_> = report.locks.iter().map(|lock| lock.name.as_str()).collect();
        assert_eq!(names, ["waited for", "quiet", "quieter"]);
        let lines: Vec<_> =
            report.locks[0].sites.iter().flat_map(|row| &row.site).map(|site| site.line).collect();
        assert_eq!(lines, [3, 2]);
    }

    #[test]
    fn what_was_never_taken_is_no_row() {
        let rows = [row("idle", 1, Access::Exclusive, (0, &[], &[]))];
        assert_eq!(Report::of(rows.into_iter(), 0), Report::default());
    }
}

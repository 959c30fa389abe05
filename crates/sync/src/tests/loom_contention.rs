//! Models of the table in which named locks are counted.

use std::sync::Arc;

use crate::primitive::model::{End, Family, check, check_deaths, thread};
use crate::watch::stats::{Pair, Stats, Table};

/// Both begin to look for their place at the same one.
const ONE: Pair = Pair { number: 1, site: 1, shared: false };
const OTHER: Pair = Pair { number: 1, site: 2, shared: false };
const THIRD: Pair = Pair { number: 2, site: 1, shared: true };

/// Two places, and that of what is lost.
fn entries() -> Arc<Vec<Stats>> {
    Arc::new((0..3).map(|_| Stats::new()).collect())
}

/// How often a pair was acquired, at once and after a wait.
fn counted(entries: &[Stats], pair: Pair) -> (u64, u64) {
    let mut rows = Table::new(entries).rows().filter(|(found, _)| *found == pair);
    let (at_once, waited) = match rows.next() {
        Some((_, counts)) => (counts.at_once, counts.waits.iter().sum()),
        None => (0, 0),
    };
    assert!(rows.next().is_none(), "a pair has two places");
    (at_once, waited)
}

#[track_caller]
fn assert_counted(entries: &[Stats], pair: Pair, wanted: (u64, u64)) {
    assert_eq!(counted(entries, pair), wanted, "a count went to another pair, or to nobody");
}

/// Two threads come with the same pair and with another one at once.
#[test]
fn two_claim() {
    check(|| {
        let ours = entries();
        let theirs = ours.clone();
        let other = thread::spawn(move || {
            let table = Table::new(&theirs);
            table.acquired(OTHER, Some(1));
            table.acquired(ONE, None);
        });
        let table = Table::new(&ours);
        table.acquired(ONE, None);
        table.held(ONE, 2);
        other.join().unwrap();
        assert_counted(&ours, ONE, (2, 0));
        assert_counted(&ours, OTHER, (0, 1));
        let held: u64 = table.rows().map(|(_, counts)| counts.hold_total).sum();
        assert_eq!((held, table.lost()), (2, 0), "a hold went to nobody");
    });
}

/// Two threads come with three pairs to two places: who finds none is counted as lost.
#[test]
fn one_place_too_few() {
    check(|| {
        let ours = entries();
        let theirs = ours.clone();
        let other = thread::spawn(move || {
            let table = Table::new(&theirs);
            table.acquired(OTHER, None);
            table.acquired(THIRD, None);
        });
        let table = Table::new(&ours);
        table.acquired(ONE, None);
        other.join().unwrap();
        let counts = [ONE, OTHER, THIRD].map(|pair| counted(&ours, pair).0);
        let placed: u64 = counts.iter().sum();
        assert_eq!((placed, table.lost()), (2, 1), "a count went to another pair, or to nobody");
        assert!(counts.iter().all(|count| *count <= 1), "a count went to another pair, or to nobody");
    });
}

/// A process dies at each step of its counting while another counts: that one's counts are whole, and so are those of the dead that it
/// came to; its places are free or go on.
#[test]
fn one_is_killed_while_another_counts() {
    check_deaths(|k| {
        let (family, ours) = (Family::new(), entries());
        let theirs = ours.clone();
        let victim = family.process().spawn_killed_at(k, move || {
            let table = Table::new(&theirs);
            table.acquired(ONE, Some(1));
            table.held(ONE, 1);
            table.acquired(OTHER, None);
        });
        family.process().run(|| {
            let table = Table::new(&ours);
            table.acquired(OTHER, None);
            table.acquired(ONE, None);
        });
        let end = victim.join();
        let (one, other) = (counted(&ours, ONE), counted(&ours, OTHER));
        let (waits, more) = (one.1, other.0.saturating_sub(1));
        let whole = if end == End::Killed { waits <= 1 && more <= waits } else { (waits, more) == (1, 1) };
        let ours_are_there = one.0 == 1 && other.0 >= 1 && other.1 == 0;
        assert!(whole && ours_are_there, "a count went to another pair, or to nobody");
        assert_eq!(Table::new(&ours).lost(), 0, "a place was lost with the dead");
    });
}

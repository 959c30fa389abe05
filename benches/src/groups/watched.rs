//! What it costs a mutex that nobody else wants to be watched, by the features `contention` and `deadlock` of sync.

use super::contenders;
use crate::built_with::built_with;
use crate::locks::uncontended;
use crate::ours::mutex as ours;
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};

/// Ours as it is here, without the features, then the same of programs that have them: without and with a name, which is what is counted.
macro_rules! counted {
    ($bench:literal, $unnamed:expr, $named:expr) => {
        contenders!(uncontended {
            OURS => $unnamed,
            "ours.named" => $named,
        }
        built_with!("contention", CONTENTION, concat!($bench, "/ours")),
        built_with!("contention.named", CONTENTION, concat!($bench, "/ours.named")),
        built_with!("both", CONTENTION_DEADLOCK, concat!($bench, "/ours")),
        built_with!("both.named", CONTENTION_DEADLOCK, concat!($bench, "/ours.named")),)
    };
}

/// The same, without names: every lock is noted.
macro_rules! noted {
    ($bench:literal, $lock:expr) => {
        contenders!(uncontended {
            OURS => $lock,
        }
        built_with!("deadlock", DEADLOCK, concat!($bench, "/ours")),
        built_with!("both", CONTENTION_DEADLOCK, concat!($bench, "/ours")),)
    };
}

const fn bench(name: &'static str, about: &'static str, contenders: &'static [Contender]) -> Bench {
    let (unit, placements) = (Unit::NanosPer("operation"), Placement::ONLY_FREE);
    Bench { name, about, unit, placements, contenders, targets: &[] }
}

pub(crate) const BENCHES: &[Bench] = &[
    bench(
        "contention.private",
        "lock, add one, unlock, between threads, without and with the feature; nobody else wants it",
        counted!("contention.private", ours::private(), ours::private_named()),
    ),
    bench(
        "contention.robust",
        "the same, between processes that may die",
        counted!("contention.robust", ours::robust(), ours::robust_named()),
    ),
    bench(
        "deadlock.private",
        "lock, add one, unlock, between threads, without and with the feature; nobody else wants it",
        noted!("deadlock.private", ours::private()),
    ),
    bench(
        "deadlock.robust",
        "the same, between processes that may die",
        noted!("deadlock.robust", ours::robust()),
    ),
];

//! Mutexes that their owner may lock again, around one number: locked again by who has it, locked once, and wanted by two.

use super::contenders;
use crate::locks::{again, two_processes, two_threads, uncontended};
use crate::ours::reentrant as ours;
use crate::peers::python::sync::twin;
use crate::peers::{pthread, threads_only};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

/// Ours beside every other lock of the kind that works within a process.
macro_rules! beside_all {
    ($run:path, $ours:expr, $($twin:expr)?) => {
        contenders!($run {
            OURS => $ours,
            "parking_lot" => threads_only::parking_lot_reentrant(),
            "pthread.recursive" => pthread::recursive(),
            "pthread.recursive.robust" => pthread::recursive_robust(),
        } $($twin,)?)
    };
}

/// To lock again and to give that back.
const AGAIN: &[Target] = &[Target::alone(3.0, Placement::ONLY_FREE)];

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "reentrant.again.private",
        about: "lock, add one, unlock, by a thread that has the lock",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: beside_all!(again, ours::private(), twin!(threading.reentrant_again)),
        targets: AGAIN,
    },
    Bench {
        name: "reentrant.again.robust",
        about: "the same, between processes that may die",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: beside_all!(again, ours::robust(), twin!(multiprocessing.reentrant_again)),
        targets: AGAIN,
    },
    Bench {
        name: "reentrant.uncontended.private",
        about: "the same by one that does not have the lock, and nobody else wants it",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: beside_all!(uncontended, ours::private(), twin!(threading.reentrant_alone)),
        targets: &[],
    },
    Bench {
        name: "reentrant.uncontended.robust",
        about: "the same, between processes that may die",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: beside_all!(uncontended, ours::robust(), twin!(multiprocessing.reentrant_alone)),
        targets: &[Target::beside("pthread.recursive.robust", 1.0, Placement::ONLY_FREE)],
    },
    Bench {
        name: "reentrant.2threads",
        about: "the same by two threads at once",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ALL,
        contenders: beside_all!(two_threads, ours::private(),),
        targets: &[Target::beside("parking_lot", 1.1, Placement::ALL)],
    },
    Bench {
        name: "reentrant.2proc",
        about: "the same by two processes at once",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ALL,
        contenders: contenders!(two_processes {
            OURS => ours::robust(),
            "pthread.recursive" => pthread::recursive(),
            "pthread.recursive.robust" => pthread::recursive_robust(),
        }),
        targets: &[Target::beside("pthread.recursive", 1.0, Placement::ALL)],
    },
];

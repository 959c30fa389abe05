//! Locks for many readers or one writer around one number: it is read by nobody else, by a thread beside, by a process beside; and
//! what a writer pays for the readers' slots.

use super::contenders;
use crate::locks::{two_processes, two_threads, uncontended};
use crate::ours::{mutex, rwlock as ours};
use crate::peers::rwlock::{self as peers, reading};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

/// The better of the two is the yardstick: not slower than 1.1 of each.
const BESIDE_BOTH: &[Target] = &[
    Target::beside("std", 1.1, Placement::ONLY_FREE),
    Target::beside("pthread.pshared", 1.1, Placement::ONLY_FREE),
];

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "rwlock.read.private",
        about: "lock to read, read, unlock, between threads; nobody else wants it",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(uncontended {
            OURS => reading(ours::private()),
            "std" => reading(peers::std()),
            "parking_lot" => reading(peers::parking_lot()),
            "pthread.pshared" => reading(peers::pthread()),
            "ours.mutex" => mutex::private(),
        }),
        targets: BESIDE_BOTH,
    },
    Bench {
        name: "rwlock.read.robust",
        about: "the same, between processes that may die",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(uncontended {
            OURS => reading(ours::robust()),
            "std" => reading(peers::std()),
            "parking_lot" => reading(peers::parking_lot()),
            "pthread.pshared" => reading(peers::pthread()),
            "ours.mutex" => mutex::robust(),
        }),
        targets: BESIDE_BOTH,
    },
    Bench {
        name: "rwlock.read.2threads",
        about: "the same by two threads at once",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ALL,
        contenders: contenders!(two_threads {
            OURS => reading(ours::private()),
            "ours.robust" => reading(ours::robust()),
            "std" => reading(peers::std()),
            "parking_lot" => reading(peers::parking_lot()),
            "pthread.pshared" => reading(peers::pthread()),
        }),
        targets: &[
            Target::beside("std", 1.1, Placement::ALL),
            Target::beside("pthread.pshared", 1.1, Placement::ALL),
        ],
    },
    Bench {
        name: "rwlock.read.2proc",
        about: "the same by two processes at once",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ALL,
        contenders: contenders!(two_processes {
            OURS => reading(ours::robust()),
            "pthread.pshared" => reading(peers::pthread()),
        }),
        targets: &[Target::beside("pthread.pshared", 1.1, Placement::ALL)],
    },
    Bench {
        name: "rwlock.write",
        about: "lock to write, add one, unlock, with 1, 8 and 64 slots for readers; nobody else wants it",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(uncontended {
            OURS => ours::robust(),
            "ours.private" => ours::private(),
            "ours.1" => ours::robust_with::<1>(),
            "ours.64" => ours::robust_with::<64>(),
            "ours.mutex" => mutex::robust(),
            "std" => peers::std(),
            "parking_lot" => peers::parking_lot(),
            "pthread.pshared" => peers::pthread(),
        }),
        targets: &[],
    },
    Bench {
        name: "rwlock.write.2threads",
        about: "the same by two threads at once",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ALL,
        contenders: contenders!(two_threads {
            OURS => ours::robust(),
            "ours.private" => ours::private(),
            "ours.mutex" => mutex::robust(),
            "std" => peers::std(),
            "parking_lot" => peers::parking_lot(),
            "pthread.pshared" => peers::pthread(),
        }),
        targets: &[],
    },
];

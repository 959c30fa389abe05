//! Locks for many readers or one writer around one number: it is read by nobody else, by a thread beside, by a process beside; what a
//! writer pays for the readers' slots; how evenly two writers share it, and whether readers and writers get on beside each other.

use super::{SHARE, contenders, shares_of_threads};
use crate::fairness;
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

/// Both sides get on in each window of each round.
const PROGRESS: Target = Target::each_round(1.0, Placement::ALL);
const PROGRESS_OF_THREADS: [Target; 2] = [PROGRESS, PROGRESS.of("ours.private")];

/// The lone one first, as they count.
const WRITER_AND_READERS: Unit = Unit::Progress(["writer", "readers"]);
const READER_AND_WRITERS: Unit = Unit::Progress(["reader", "writers"]);

/// Ours beside every other lock that works within a process.
macro_rules! of_threads {
    ($run:path) => {
        contenders!($run {
            OURS => ours::robust(),
            "ours.private" => ours::private(),
            "std" => peers::std(),
            "parking_lot" => peers::parking_lot(),
            "pthread.pshared" => peers::pthread(),
        })
    };
}

/// Ours beside the one that works between processes.
macro_rules! of_processes {
    ($run:path) => {
        contenders!($run {
            OURS => ours::robust(),
            "pthread.pshared" => peers::pthread(),
        })
    };
}

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
    Bench {
        name: "rwlock.share.writers.2threads",
        about: "how evenly two threads that write share a lock that both want all the time",
        unit: Unit::Share,
        placements: Placement::ALL,
        contenders: of_threads!(fairness::two_threads),
        targets: &shares_of_threads(),
    },
    Bench {
        name: "rwlock.share.writers.2proc",
        about: "the same of two processes",
        unit: Unit::Share,
        placements: Placement::ALL,
        contenders: of_processes!(fairness::two_processes),
        targets: &[SHARE],
    },
    Bench {
        name: "rwlock.progress.4to1.threads",
        about: "whether four threads that read and one that writes all the time both get on",
        unit: WRITER_AND_READERS,
        placements: Placement::ALL,
        contenders: of_threads!(fairness::writer_of_threads),
        targets: &PROGRESS_OF_THREADS,
    },
    Bench {
        name: "rwlock.progress.4to1.proc",
        about: "the same of five processes",
        unit: WRITER_AND_READERS,
        placements: Placement::ALL,
        contenders: of_processes!(fairness::writer_of_processes),
        targets: &[PROGRESS],
    },
    Bench {
        name: "rwlock.progress.1to4.threads",
        about: "whether one thread that reads and four that write all the time both get on",
        unit: READER_AND_WRITERS,
        placements: Placement::ALL,
        contenders: of_threads!(fairness::reader_of_threads),
        targets: &PROGRESS_OF_THREADS,
    },
    Bench {
        name: "rwlock.progress.1to4.proc",
        about: "the same of five processes",
        unit: READER_AND_WRITERS,
        placements: Placement::ALL,
        contenders: of_processes!(fairness::reader_of_processes),
        targets: &[PROGRESS],
    },
];

//! Mutexes around one number, which is increased: nobody else wants it, a thread does, a process does, and how evenly they share it; and
//! what the parts of a robust one cost.

use super::{SHARE, contenders, shares_of_threads};
use crate::fairness;
use crate::locks::{stepped, two_processes, two_threads, uncontended};
use crate::ours::mutex as ours;
use crate::peers::parts::{self, up_to};
use crate::peers::python::sync::twin;
use crate::peers::{futex, pthread, raw_sync, threads_only};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

/// Ours beside every other lock that works within a process.
macro_rules! beside_all {
    ($run:path, $ours:expr, $floor:expr, $($twin:expr)?) => {
        contenders!($run {
            OURS => $ours,
            "std" => threads_only::std(),
            "parking_lot" => threads_only::parking_lot(),
            "pthread.pshared" => pthread::plain(),
            "pthread.robust" => pthread::robust(),
            "raw_sync" => raw_sync::shared(),
            "floor:futex" => $floor,
        } $($twin,)?)
    };
}

/// Ours, and a lock for each part.
macro_rules! part_by_part {
    ($run:path) => {
        contenders!($run {
            OURS => ours::robust(),
            "1:word" => up_to::<{ parts::WORD }>(),
            "2:+robust_list" => up_to::<{ parts::LIST }>(),
            "3:+mode" => up_to::<{ parts::MODE }>(),
            "4:+owner" => up_to::<{ parts::OWNER }>(),
            "5:+held_record" => up_to::<{ parts::HELD }>(),
            "6:+poison" => up_to::<{ parts::POISON }>(),
        })
    };
}

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "mutex.uncontended.private",
        about: "lock, add one, unlock, between threads; nobody else wants it",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: beside_all!(
            uncontended,
            ours::private(),
            futex::between_threads(),
            twin!(threading.mutex_alone)
        ),
        targets: &[Target::beside("std", 1.05, Placement::ONLY_FREE)],
    },
    Bench {
        name: "mutex.uncontended.robust",
        about: "the same, between processes that may die",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: beside_all!(
            uncontended,
            ours::robust(),
            futex::between_processes(),
            twin!(multiprocessing.mutex_alone)
        ),
        targets: &[Target::beside("std", 1.3, Placement::ONLY_FREE)],
    },
    Bench {
        name: "mutex.2threads",
        about: "the same by two threads at once",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ALL,
        contenders: beside_all!(
            two_threads,
            ours::private(),
            futex::between_threads(),
            twin!(threading.mutex_at_once)
        ),
        targets: &[Target::beside("parking_lot", 1.1, Placement::ALL)],
    },
    Bench {
        name: "mutex.2proc",
        about: "the same by two processes at once",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ALL,
        contenders: contenders!(two_processes {
            OURS => ours::robust(),
            "pthread.pshared" => pthread::plain(),
            "pthread.robust" => pthread::robust(),
            "raw_sync" => raw_sync::shared(),
            "floor:futex" => futex::between_processes(),
        } twin!(multiprocessing.mutex_at_once),),
        targets: &[
            Target::beside("pthread.pshared", 1.0, Placement::ALL),
            Target::beside("raw_sync", 1.0, Placement::ALL),
        ],
    },
    Bench {
        name: "mutex.share.2threads",
        about: "how evenly two threads share a mutex that both want all the time",
        unit: Unit::Share,
        placements: Placement::ALL,
        contenders: contenders!(fairness::two_threads {
            OURS => ours::robust(),
            "ours.private" => ours::private(),
            "std" => threads_only::std(),
            "parking_lot" => threads_only::parking_lot(),
            "pthread.pshared" => pthread::plain(),
        }),
        targets: &shares_of_threads(),
    },
    Bench {
        name: "mutex.share.2proc",
        about: "the same of two processes",
        unit: Unit::Share,
        placements: Placement::ALL,
        contenders: contenders!(fairness::two_processes {
            OURS => ours::robust(),
            "pthread.pshared" => pthread::plain(),
        }),
        targets: &[SHARE],
    },
    Bench {
        name: "mutex.parts",
        about: "the same with a robust mutex that gets one part after the other; nobody else wants it",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: part_by_part!(uncontended),
        targets: &[],
    },
    Bench {
        name: "mutex.instructions.private",
        about: "instructions of what mutex.uncontended.private times",
        unit: Unit::InstructionsPer("operation"),
        placements: Placement::ONLY_ONE_CORE,
        contenders: beside_all!(stepped, ours::private(), futex::between_threads(),),
        targets: &[],
    },
    Bench {
        name: "mutex.instructions.robust",
        about: "instructions of what mutex.uncontended.robust times",
        unit: Unit::InstructionsPer("operation"),
        placements: Placement::ONLY_ONE_CORE,
        contenders: beside_all!(stepped, ours::robust(), futex::between_processes(),),
        targets: &[],
    },
    Bench {
        name: "mutex.instructions.parts",
        about: "instructions of what mutex.parts times",
        unit: Unit::InstructionsPer("operation"),
        placements: Placement::ONLY_ONE_CORE,
        contenders: part_by_part!(stepped),
        targets: &[],
    },
];

//! Events: a look, setting and taking alone, a turn to another thread or process and back.

use crate::handoff::{alone, look, processes, threads};
use crate::ours::event as ours;
use crate::peers::flags::{futex, pthread, raw_sync, threads_only};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};

/// What is done with the flags, and each with its name.
macro_rules! contenders {
    ($run:path { $($name:expr => $flags:expr,)* }) => {
        &[$(Contender::new($name, |setting| $run(setting, $flags)),)*]
    };
}

/// Ours beside those between threads, one flag each.
macro_rules! of_one {
    ($run:path) => {
        contenders!($run {
            OURS => ours::private(),
            "std" => threads_only::std(),
            "parking_lot" => threads_only::parking_lot(),
            "floor:futex" => futex::between_threads(),
        })
    };
}

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "event.is_set",
        about: "look whether an event is set",
        unit: Unit::NanosPer("look"),
        placements: Placement::ONLY_FREE,
        contenders: of_one!(look),
    },
    Bench {
        name: "event.uncontended",
        about: "set, wait, clear by one thread; nobody else is there",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: of_one!(alone),
    },
    Bench {
        name: "event.2threads",
        about: "a turn to another thread and back, by two events",
        unit: Unit::NanosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(threads {
            OURS => ours::privates(),
            "std" => threads_only::stds(),
            "parking_lot" => threads_only::parking_lots(),
            "pthread.pshared" => pthread::pair(),
            "raw_sync" => raw_sync::pair(),
            "floor:futex" => futex::pair_between_threads(),
        }),
    },
    Bench {
        name: "event.2proc",
        about: "a turn to another process and back, by two events",
        unit: Unit::NanosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(processes {
            OURS => ours::shared(),
            "pthread.pshared" => pthread::pair(),
            "raw_sync" => raw_sync::pair(),
            "floor:futex" => futex::pair_between_processes(),
        }),
    },
];

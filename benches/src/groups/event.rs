//! Events: a look, setting and taking alone, a turn to another thread or process and back.

use super::{contenders, hand_off};
use crate::flags::{look, uncontended};
use crate::handoff::{two_processes, two_threads};
use crate::ours::event as ours;
use crate::peers::bare;
use crate::peers::flags::{futex, pthread, raw_sync, threads_only};
use crate::peers::python::sync::twin;
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "event.is_set",
        about: "look whether an event is set",
        unit: Unit::NanosPer("look"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(look {
            OURS => ours::private(),
            "ours.shared" => ours::shared(),
            "std" => threads_only::std(),
            "parking_lot" => threads_only::parking_lot(),
            "pthread.pshared" => pthread::shared(),
            "floor:load" => bare::load(),
            "floor:loop" => bare::nothing(),
        } twin!(threading.event_look), twin!(multiprocessing.event_look),),
        targets: &[Target::alone(1.0, Placement::ONLY_FREE)],
    },
    Bench {
        name: "event.uncontended",
        about: "set, wait, clear by one thread; nobody else is there",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(uncontended {
            OURS => ours::private(),
            "ours.shared" => ours::shared(),
            "std" => threads_only::std(),
            "parking_lot" => threads_only::parking_lot(),
            "pthread.pshared" => pthread::shared(),
            "raw_sync" => raw_sync::shared(),
            "floor:futex" => futex::between_threads(),
        } twin!(threading.event_alone), twin!(multiprocessing.event_alone),),
        targets: &[],
    },
    Bench {
        name: "event.2threads",
        about: "a turn to another thread and back, by two events",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(two_threads {
            OURS => ours::privates(),
            "std" => threads_only::stds(),
            "parking_lot" => threads_only::parking_lots(),
            "pthread.pshared" => pthread::pair(),
            "raw_sync" => raw_sync::pair(),
            "floor:futex" => futex::pair_between_threads(),
        } twin!(threading.event_turns),),
        targets: &hand_off("std", "parking_lot"),
    },
    Bench {
        name: "event.2proc",
        about: "a turn to another process and back, by two events",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(two_processes {
            OURS => ours::shareds(),
            "pthread.pshared" => pthread::pair(),
            "raw_sync" => raw_sync::pair(),
            "floor:futex" => futex::pair_between_processes(),
        } twin!(multiprocessing.event_turns),),
        targets: &[],
    },
];

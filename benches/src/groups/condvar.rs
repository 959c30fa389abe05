//! Condition variables: a notification for nobody, and two sides that take turns.

use super::{contenders, hand_off};
use crate::handoff::{two_processes, two_threads};
use crate::notify::nobody;
use crate::ours::condvar as ours;
use crate::peers::python::sync::twin;
use crate::peers::{bare, condition};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "condvar.notify",
        about: "notify one, where nobody waits",
        unit: Unit::NanosPer("call"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(nobody {
            OURS => ours::private(),
            "ours.shared" => ours::placed(),
            "std" => condition::std(),
            "parking_lot" => condition::parking_lot(),
            "pthread.pshared" => condition::pthread(),
            "floor:load" => bare::load(),
            "floor:loop" => bare::nothing(),
        } twin!(threading.condvar_notify), twin!(multiprocessing.condvar_notify),),
        targets: &[Target::alone(1.0, Placement::ONLY_FREE)],
    },
    Bench {
        name: "condvar.2threads",
        about: "two threads take turns, each waiting for the other's notification",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(two_threads {
            OURS => ours::private(),
            "std" => condition::std(),
            "parking_lot" => condition::parking_lot(),
            "pthread.pshared" => condition::pthread(),
        } twin!(threading.condvar_turns),),
        targets: &hand_off("std", "parking_lot"),
    },
    Bench {
        name: "condvar.2proc",
        about: "the same by two processes",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(two_processes {
            OURS => ours::placed(),
            "pthread.pshared" => condition::pthread(),
        } twin!(multiprocessing.condvar_turns),),
        targets: &[],
    },
];

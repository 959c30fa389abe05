//! Barriers: one that is always full, and two sides that meet again and again.

use super::{contenders, hand_off};
use crate::handoff::{two_processes, two_threads};
use crate::meetings::of_one;
use crate::ours::barrier as ours;
use crate::peers::meeting;
use crate::peers::python::sync::twin;
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "barrier.uncontended",
        about: "the only party comes to a barrier",
        unit: Unit::NanosPer("round"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(of_one {
            OURS => ours::private(1),
            "ours.shared" => ours::placed(1),
            "std" => meeting::std(1),
            "parking_lot" => meeting::parking_lot(1),
            "pthread.pshared" => meeting::pthread(1),
        } twin!(threading.barrier_alone), twin!(multiprocessing.barrier_alone),),
        targets: &[],
    },
    Bench {
        name: "barrier.2threads",
        about: "two threads meet at a barrier",
        unit: Unit::MicrosPer("round"),
        placements: Placement::ALL,
        contenders: contenders!(two_threads {
            OURS => ours::private(2),
            "std" => meeting::std(2),
            "parking_lot" => meeting::parking_lot(2),
            "pthread.pshared" => meeting::pthread(2),
        } twin!(threading.barrier_turns),),
        targets: &hand_off("std", "parking_lot"),
    },
    Bench {
        name: "barrier.2proc",
        about: "the same by two processes",
        unit: Unit::MicrosPer("round"),
        placements: Placement::ALL,
        contenders: contenders!(two_processes {
            OURS => ours::placed(2),
            "pthread.pshared" => meeting::pthread(2),
        } twin!(multiprocessing.barrier_turns),),
        targets: &[],
    },
];

//! Wait groups: a piece of work is announced, done and waited for alone, and a turn goes to another thread or process and back.

use super::{contenders, hand_off};
use crate::flags::uncontended;
use crate::handoff::{two_processes, two_threads};
use crate::ours::wait_group as ours;
use crate::peers::flags::{pthread, threads_only};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "wait_group.uncontended",
        about: "do a piece of work, wait, announce the next by one thread; nobody else is there",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(uncontended {
            OURS => ours::private(),
            "ours.shared" => ours::shared(),
            "ours.member" => ours::entered(),
            "std" => threads_only::std(),
            "parking_lot" => threads_only::parking_lot(),
        }),
        targets: &[],
    },
    Bench {
        name: "wait_group.2threads",
        about: "a turn to another thread and back, by two groups",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(two_threads {
            OURS => ours::privates(),
            "std" => threads_only::stds(),
            "parking_lot" => threads_only::parking_lots(),
            "pthread.pshared" => pthread::pair(),
        }),
        targets: &hand_off("std", "parking_lot"),
    },
    Bench {
        name: "wait_group.2proc",
        about: "a turn to another process and back, by two groups",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(two_processes {
            OURS => ours::shared_pair(),
            "pthread.pshared" => pthread::pair(),
        }),
        targets: &[],
    },
];

//! A number that processes share and change: what it costs that no death tears it.

use super::contenders;
use crate::locks::{two_processes, uncontended};
use crate::ours::{mutex, value as ours};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "value.update",
        about: "add one to a number that no death tears; nobody else wants it",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(uncontended {
            OURS => ours::shared(),
            "mutex" => mutex::robust(),
            "mutex.journaled" => ours::journaled(),
        }),
        targets: &[],
    },
    Bench {
        name: "value.update.2proc",
        about: "the same by two processes at once",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ALL,
        contenders: contenders!(two_processes {
            OURS => ours::shared(),
            "mutex" => mutex::robust(),
            "mutex.journaled" => ours::journaled(),
        }),
        targets: &[],
    },
];

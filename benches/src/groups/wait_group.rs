//! Wait groups: a piece of work is announced, done and waited for alone, and a turn goes to another thread or process and back.

use crate::handoff::{alone, processes, threads};
use crate::ours::wait_group as ours;
use crate::peers::flags::{pthread, threads_only};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};

/// What is done with the groups, and each with its name.
macro_rules! contenders {
    ($run:path { $($name:expr => $flags:expr,)* }) => {
        &[$(Contender::new($name, |setting| $run(setting, $flags)),)*]
    };
}

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "wait_group.uncontended",
        about: "do a piece of work, wait, announce the next by one thread; nobody else is there",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(alone {
            OURS => ours::private(),
            "ours.shared" => ours::shared(),
            "ours.member" => ours::entered(),
            "std" => threads_only::std(),
            "parking_lot" => threads_only::parking_lot(),
        }),
    },
    Bench {
        name: "wait_group.2threads",
        about: "a turn to another thread and back, by two groups",
        unit: Unit::NanosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(threads {
            OURS => ours::privates(),
            "std" => threads_only::stds(),
            "parking_lot" => threads_only::parking_lots(),
            "pthread.pshared" => pthread::pair(),
        }),
    },
    Bench {
        name: "wait_group.2proc",
        about: "a turn to another process and back, by two groups",
        unit: Unit::NanosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(processes {
            OURS => ours::shared_pair(),
            "pthread.pshared" => pthread::pair(),
        }),
    },
];

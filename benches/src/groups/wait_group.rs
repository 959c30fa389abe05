//! Wait groups: a piece of work, or many of many members, announced, done and waited for alone, and a turn that goes to another thread or
//! process and back by that.

use super::{contenders, hand_off};
use crate::crews::{self, crew, crews, refused};
use crate::flags::uncontended;
use crate::handoff::{two_processes, two_threads};
use crate::ours::wait_group as ours;
use crate::peers::crossbeam;
use crate::peers::flags::{pthread, threads_only};
use crate::peers::latch::{ParkingLot, Pthread, Std};
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
            "crossbeam" => crossbeam::flag(),
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
            "crossbeam" => crossbeam::flags(),
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
    Bench {
        name: "wait_group.members.try_wait",
        about: "ask whether all is done, where 63 members are not",
        unit: Unit::NanosPer("question"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(refused {
            OURS => ours::of_many(ours::empty()),
            "ours.shared" => ours::of_many(ours::empty_shared()),
            "ours.elsewhere" => ours::of_many_elsewhere(),
            "ours.pieces" => ours::of_many_pieces(),
            "std" => crews::of_many::<Std>(),
            "parking_lot" => crews::of_many::<ParkingLot>(),
            "pthread.pshared" => crews::of_many::<Pthread>(),
        }),
        targets: &[],
    },
    Bench {
        name: "wait_group.members.uncontended",
        about: "63 members join, 63 others are done, and all of these are waited for by one thread",
        unit: Unit::MicrosPer("wait"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(uncontended {
            OURS => crew(ours::empty),
            "ours.shared" => crew(ours::empty_shared),
            "std" => crew(crews::empty::<Std>),
            "parking_lot" => crew(crews::empty::<ParkingLot>),
            "crossbeam" => crew(crossbeam::empty),
            "pthread.pshared" => crew(crews::empty::<Pthread>),
        }),
        targets: &[],
    },
    Bench {
        name: "wait_group.members.2threads",
        about: "a turn to another thread and back, each time by the last of 63 members",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(two_threads {
            OURS => crews(ours::empty),
            "std" => crews(crews::empty::<Std>),
            "parking_lot" => crews(crews::empty::<ParkingLot>),
            "crossbeam" => crews(crossbeam::empty),
            "pthread.pshared" => crews(crews::empty::<Pthread>),
        }),
        targets: &[],
    },
    Bench {
        name: "wait_group.members.2proc",
        about: "the same with another process",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: contenders!(two_processes {
            OURS => crews(ours::empty_shared),
            "pthread.pshared" => crews(crews::empty::<Pthread>),
        }),
        targets: &[],
    },
];

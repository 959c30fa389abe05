//! Values that are made once: found there, made with nobody else there, raced for by two.

use crate::onces::{look, make, two_processes, two_threads};
use crate::ours::once::{Private, Robust};
use crate::peers::once::{Checked, ParkingLot, Pthread};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

type Std = std::sync::OnceLock<u64>;

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "once.get",
        about: "get a value that is there",
        unit: Unit::NanosPer("look"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, look::<Private>),
            Contender::new("ours.robust", look::<Robust>),
            Contender::new("std", look::<Std>),
            Contender::new("parking_lot", look::<ParkingLot>),
            Contender::new("pthread_once", look::<Pthread>),
        ],
        targets: &[Target::alone(1.0, Placement::ONLY_FREE)],
    },
    Bench {
        name: "once.init",
        about: "an empty cell, and its value; nobody else wants it",
        unit: Unit::NanosPer("value"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, make::<Private>),
            Contender::new("ours.robust", make::<Robust>),
            Contender::new("std", make::<Std>),
            Contender::new("parking_lot", make::<ParkingLot>),
            Contender::new("pthread_once", make::<Pthread>),
            Contender::new("pthread.pshared", make::<Checked>),
        ],
        targets: &[],
    },
    Bench {
        name: "once.2threads",
        about: "two threads get the values of the same empty cells, one after the other",
        unit: Unit::NanosPer("value"),
        placements: Placement::ALL,
        contenders: &[
            Contender::new(OURS, two_threads::<Private>),
            Contender::new("std", two_threads::<Std>),
            Contender::new("parking_lot", two_threads::<ParkingLot>),
            Contender::new("pthread_once", two_threads::<Pthread>),
        ],
        targets: &[],
    },
    Bench {
        name: "once.2proc",
        about: "the same by two processes",
        unit: Unit::NanosPer("value"),
        placements: Placement::ALL,
        contenders: &[
            Contender::new(OURS, two_processes::<Robust>),
            Contender::new("pthread.pshared", two_processes::<Checked>),
        ],
        targets: &[],
    },
];

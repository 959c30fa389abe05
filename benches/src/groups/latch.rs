//! Latches: a look at an open one, counting down alone, a turn to another thread or process and back.

use multiproc::sync::Latch;

use super::hand_off;
use crate::latches::{count_down, look, two_processes, two_threads};
use crate::ours::latch::Tried;
use crate::peers::latch::{Floor, ParkingLot, Pthread, Std};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

type Latches = ::latches::sync::Latch;
type LatchesFutex = ::latches::futex::Latch;

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "latch.is_open",
        about: "look whether a latch is open, which it is",
        unit: Unit::NanosPer("look"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, look::<Latch>),
            Contender::new("ours.try_wait", look::<Tried>),
            Contender::new("std", look::<Std>),
            Contender::new("parking_lot", look::<ParkingLot>),
            Contender::new("latches", look::<Latches>),
            Contender::new("latches.futex", look::<LatchesFutex>),
            Contender::new("pthread.pshared", look::<Pthread>),
            Contender::new("floor:futex", look::<Floor<false>>),
        ],
        targets: &[Target::alone(1.0, Placement::ONLY_FREE)],
    },
    Bench {
        name: "latch.uncontended",
        about: "count one of many down by one thread; nobody waits",
        unit: Unit::NanosPer("count"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, count_down::<Latch>),
            Contender::new("std", count_down::<Std>),
            Contender::new("parking_lot", count_down::<ParkingLot>),
            Contender::new("latches", count_down::<Latches>),
            Contender::new("latches.futex", count_down::<LatchesFutex>),
            Contender::new("pthread.pshared", count_down::<Pthread>),
            Contender::new("floor:futex", count_down::<Floor<false>>),
        ],
        targets: &[],
    },
    Bench {
        name: "latch.2threads",
        about: "a turn to another thread and back, by two latches that were never used",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: &[
            Contender::new(OURS, two_threads::<Latch>),
            Contender::new("std", two_threads::<Std>),
            Contender::new("parking_lot", two_threads::<ParkingLot>),
            Contender::new("latches", two_threads::<Latches>),
            Contender::new("latches.futex", two_threads::<LatchesFutex>),
            Contender::new("pthread.pshared", two_threads::<Pthread>),
            Contender::new("floor:futex", two_threads::<Floor<false>>),
        ],
        targets: &hand_off("std", "parking_lot"),
    },
    Bench {
        name: "latch.2proc",
        about: "the same with another process",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: &[
            Contender::new(OURS, two_processes::<Latch>),
            Contender::new("pthread.pshared", two_processes::<Pthread>),
            Contender::new("floor:futex", two_processes::<Floor<true>>),
        ],
        targets: &[],
    },
];

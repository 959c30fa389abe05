//! Segments of shared memory.

use crate::ours::segment::{Anonymous, Named};
use crate::peers::segment::{Memfd, SharedMemory, ShmOpen};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::segments::{GIB, MIB, reserved, untouched};
use crate::target::Target;

const AS_FAST: [Target; 3] = [
    Target::beside("floor:memfd", 1.1, Placement::ONLY_FREE),
    Target::beside("floor:shm_open", 1.1, Placement::ONLY_FREE),
    Target::beside("shared_memory", 1.1, Placement::ONLY_FREE),
];

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "segment.untouched.1mib",
        about: "make a segment of 1 MiB, map it, and drop it; nobody touches it",
        unit: Unit::MicrosPer("segment"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, untouched::<Anonymous, MIB>),
            Contender::new("floor:memfd", untouched::<Memfd, MIB>),
            Contender::new("floor:shm_open", untouched::<ShmOpen, MIB>),
            Contender::new("shared_memory", untouched::<SharedMemory, MIB>),
        ],
        targets: &AS_FAST,
    },
    Bench {
        name: "segment.untouched.1gib",
        about: "the same of 1 GiB",
        unit: Unit::MicrosPer("segment"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, untouched::<Anonymous, GIB>),
            Contender::new("floor:memfd", untouched::<Memfd, GIB>),
            Contender::new("floor:shm_open", untouched::<ShmOpen, GIB>),
            Contender::new("shared_memory", untouched::<SharedMemory, GIB>),
        ],
        targets: &AS_FAST,
    },
    Bench {
        name: "segment.reserved.1mib",
        about: "the same, all of its 1 MiB set aside, that it can be touched without a signal",
        unit: Unit::MicrosPer("segment"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, reserved::<Named, MIB>),
            Contender::new("floor:memfd", reserved::<Memfd, MIB>),
            Contender::new("floor:shm_open", reserved::<ShmOpen, MIB>),
            Contender::new("shared_memory", reserved::<SharedMemory, MIB>),
        ],
        targets: &AS_FAST,
    },
    Bench {
        name: "segment.reserved.1gib",
        about: "the same of 1 GiB",
        unit: Unit::MicrosPer("segment"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, reserved::<Named, GIB>),
            Contender::new("floor:memfd", reserved::<Memfd, GIB>),
            Contender::new("floor:shm_open", reserved::<ShmOpen, GIB>),
            Contender::new("shared_memory", reserved::<SharedMemory, GIB>),
        ],
        targets: &AS_FAST,
    },
];

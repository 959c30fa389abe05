//! Arrays that processes share: copies of many numbers under the lock, beside memcpy in the same kind of memory.

use crate::arrays;
use crate::copies::{FAR, Memcpy, NEAR, into, out};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

/// At 0.95 of its speed.
const AS_MEMCPY: Target = Target::beside("floor:memcpy", 1.0 / 0.95, Placement::ONLY_FREE);

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "array.out.near",
        about: "copy 64 KiB of numbers out of a shared array",
        unit: Unit::NanosPer("KiB"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| arrays::out::<NEAR>()),
            Contender::new("floor:memcpy", |_| out::<NEAR, Memcpy>()),
        ],
        targets: &[],
    },
    Bench {
        name: "array.out.far",
        about: "copy 32 MiB of numbers out of a shared array",
        unit: Unit::NanosPer("KiB"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| arrays::out::<FAR>()),
            Contender::new("floor:memcpy", |_| out::<FAR, Memcpy>()),
        ],
        targets: &[AS_MEMCPY],
    },
    Bench {
        name: "array.into.near",
        about: "copy 64 KiB of numbers into a shared array",
        unit: Unit::NanosPer("KiB"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| arrays::into::<NEAR>()),
            Contender::new("floor:memcpy", |_| into::<NEAR, Memcpy>()),
        ],
        targets: &[],
    },
    Bench {
        name: "array.into.far",
        about: "copy 32 MiB of numbers into a shared array",
        unit: Unit::NanosPer("KiB"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| arrays::into::<FAR>()),
            Contender::new("floor:memcpy", |_| into::<FAR, Memcpy>()),
        ],
        targets: &[AS_MEMCPY],
    },
    Bench {
        name: "array.workers.there",
        about: "100 MB that lie in shared memory, to four workers, which read of it",
        unit: Unit::MicrosPer("time"),
        placements: Placement::ONLY_FREE,
        contenders: &[Contender::new(OURS, |_| arrays::to_workers())],
        targets: &[Target::alone(1000.0, Placement::ONLY_FREE)],
    },
    Bench {
        name: "array.workers.copied",
        about: "100 MB copied into a shared array, to four workers, which read of it",
        unit: Unit::MicrosPer("time"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| arrays::copied_to_workers()),
            Contender::new("floor:memcpy", |_| arrays::copied_here()),
        ],
        targets: &[Target::beside("floor:memcpy", 1.1, Placement::ONLY_FREE)],
    },
    Bench {
        name: "array.workers.made",
        about: "100 MB copied into a new shared array, to four workers, which read of it",
        unit: Unit::MicrosPer("time"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| arrays::made_for_workers()),
            Contender::new("floor:to_vec", |_| arrays::made_here()),
        ],
        targets: &[Target::beside("floor:to_vec", 1.1, Placement::ONLY_FREE)],
    },
];

//! Views of memory that others may write: copies of many numbers, beside memcpy.

use crate::copies::{ByView, FAR, Memcpy, NEAR, OneByOne, into, out};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

/// Near memcpy, which moves more bytes at a time where a cache holds them.
const fn beside_memcpy(most: f64) -> Target {
    Target::beside("floor:memcpy", most, Placement::ONLY_FREE)
}

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "raw.out.near",
        about: "copy 64 KiB of numbers out of shared memory",
        unit: Unit::NanosPer("KiB"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| out::<NEAR, ByView>()),
            Contender::new("ours.get", |_| out::<NEAR, OneByOne>()),
            Contender::new("floor:memcpy", |_| out::<NEAR, Memcpy>()),
        ],
        targets: &[],
    },
    Bench {
        name: "raw.out.far",
        about: "copy 32 MiB of numbers out of shared memory",
        unit: Unit::NanosPer("KiB"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| out::<FAR, ByView>()),
            Contender::new("floor:memcpy", |_| out::<FAR, Memcpy>()),
        ],
        targets: &[beside_memcpy(1.5)],
    },
    Bench {
        name: "raw.into.near",
        about: "copy 64 KiB of numbers into shared memory",
        unit: Unit::NanosPer("KiB"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| into::<NEAR, ByView>()),
            Contender::new("ours.set", |_| into::<NEAR, OneByOne>()),
            Contender::new("floor:memcpy", |_| into::<NEAR, Memcpy>()),
        ],
        targets: &[],
    },
    Bench {
        name: "raw.into.far",
        about: "copy 32 MiB of numbers into shared memory",
        unit: Unit::NanosPer("KiB"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, |_| into::<FAR, ByView>()),
            Contender::new("floor:memcpy", |_| into::<FAR, Memcpy>()),
        ],
        targets: &[beside_memcpy(1.5)],
    },
];

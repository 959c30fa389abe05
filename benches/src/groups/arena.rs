//! Blocks of an arena, beside those of the system allocator: allocated zeroed, written to, given back.

use crate::blocks::{one_thread, two_threads};
use crate::ours::arena::OurArena;
use crate::peers::heap::System;
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

/// In nanoseconds, for a size that was used before.
const WARM: Target = Target::alone(100.0, Placement::ONLY_FREE);

macro_rules! bench {
    ($name:literal, $about:literal, $run:ident, $bytes:literal, $targets:expr) => {
        Bench {
            name: $name,
            about: $about,
            unit: Unit::NanosPer("block"),
            placements: Placement::ONLY_FREE,
            contenders: &[
                Contender::new(OURS, $run::<OurArena, $bytes>),
                Contender::new("system", $run::<System, $bytes>),
            ],
            targets: $targets,
        }
    };
}

pub(crate) const BENCHES: &[Bench] = &[
    bench!("arena.16b", "allocate 16 bytes of zeros, write, and give them back", one_thread, 16, &[WARM]),
    bench!("arena.256b", "the same of 256 bytes", one_thread, 256, &[WARM]),
    bench!("arena.64kib", "the same of 64 KiB, most of it the zeros", one_thread, 65536, &[]),
    bench!("arena.16b.2threads", "16 bytes by two threads at once", two_threads, 16, &[WARM]),
    bench!("arena.256b.2threads", "256 bytes by two threads at once", two_threads, 256, &[WARM]),
    bench!("arena.64kib.2threads", "64 KiB by two threads at once", two_threads, 65536, &[]),
];

//! Tasks in a pool of processes: one at a time, submitted by the thousand, mapped. The task adds one.

use crate::ours;
use crate::peers::{pipe_pool, procspawn, python};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::session::Setting;
use crate::target::Target;

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "pool.call",
        about: "one trivial task at a time, to a warm pool of one worker",
        unit: Unit::MicrosPer("call"),
        placements: Placement::ALL,
        contenders: &[
            Contender::new(OURS, ours::pool_call),
            Contender::new("procspawn", procspawn::pool_call),
            Contender::new("floor:pipe_pool", pipe_pool::call),
            python::contender("cpython.apply", python::pool::call),
        ],
        targets: &[
            Target::alone(2.0, Placement::ONLY_TWO_CORES),
            Target::beside("floor:pipe_pool", 1.0, Placement::ONLY_ONE_CORE),
        ],
    },
    Bench {
        name: "pool.submit",
        about: "trivial tasks submitted one by one to two workers, then their results taken",
        unit: Unit::PerSecond("tasks"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, ours::pool_submit),
            Contender::new("procspawn.window256", procspawn::pool_submit),
            Contender::new("floor:pipe_pool.window256", pipe_pool::submit),
            python::contender("cpython.apply_async", python::pool::submit),
        ],
        targets: &[Target::alone(1.3e6, Placement::ONLY_FREE)],
    },
    Bench {
        name: "pool.map",
        about: "one trivial function over many numbers, by two workers",
        unit: Unit::PerSecond("tasks"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, ours::pool_map),
            Contender::new("procspawn.window256", procspawn::pool_map),
            Contender::new("floor:pipe_pool.window256", pipe_pool::map),
            python::contender("cpython.map", python::pool::map),
            python::contender("cpython.map.chunksize1", python::pool::map_one_by_one),
        ],
        targets: &[Target::alone(40e6, Placement::ONLY_FREE)],
    },
];

/// Workers of `pool.submit` and `pool.map`.
pub(crate) const WORKERS: usize = 2;

/// Calls of `pool.call` between two looks at the clock.
pub(crate) const CALLS: u64 = 16;

/// Tasks that are out at a time, for those who cannot have all out: two channels a task, or a pipe that fills.
pub(crate) const WINDOW: u64 = 256;

/// Tasks that one batch of `pool.submit` has out at a time, for those who can.
pub(crate) fn tasks(setting: &Setting) -> u64 {
    setting.size(20_000, 5_000)
}

/// Numbers that one map goes over.
pub(crate) fn items(setting: &Setting) -> u64 {
    setting.size(100_000, 20_000)
}

/// For those whose rate does not depend on the number, since they go task by task: fewer, to save time.
pub(crate) fn items_one_by_one(setting: &Setting) -> u64 {
    setting.size(20_000, 5_000)
}

/// The task.
pub(crate) fn increment(n: u64) -> u64 {
    n.wrapping_add(1)
}

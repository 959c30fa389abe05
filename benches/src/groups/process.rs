//! Processes: from the wish to start one to having its result and its end.

use crate::ours;
use crate::peers::{fork, image, procspawn, python};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::target::Target;

pub(crate) const BENCHES: &[Bench] = &[Bench {
    name: "process.start",
    about: "start a process that runs a trivial function, and wait for its result and its end",
    unit: Unit::MicrosPer("start"),
    placements: Placement::ONLY_FREE,
    contenders: &[
        Contender::new(OURS, ours::process_start),
        Contender::new("floor:posix_spawn", image::posix_spawn),
        Contender::new("floor:fork", fork::start),
        Contender::new("std.command", image::command),
        Contender::new("procspawn", procspawn::process_start),
        python::contender("cpython.fork", python::pool::process_fork),
        python::contender("cpython.spawn", python::pool::process_spawn),
    ],
    targets: &[Target::beside("floor:posix_spawn", 1.1, Placement::ONLY_FREE)],
}];

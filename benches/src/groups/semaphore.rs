//! Semaphores: acquire and release with nobody else there, a permit that is refused, and a turn that two sides hand to and fro.

use super::{contenders, hand_off};
use crate::ours::{permit, semaphore as ours};
use crate::peers::python::sync::twin;
use crate::peers::{counter, sem_t};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::semaphores::{between_processes, between_threads, refused, uncontended};
use crate::target::Target;

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "semaphore.uncontended",
        about: "acquire a permit and release it; nobody else wants it",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(uncontended {
            OURS => ours::plain,
            "ours.bounded" => ours::bounded,
            "ours.lock" => ours::lock,
            "sem_t" => sem_t::shared,
            "std.counter" => counter::std,
            "parking_lot.counter" => counter::parking_lot,
        } twin!(threading.semaphore_alone), twin!(multiprocessing.semaphore_alone),),
        targets: &[Target::beside("sem_t", 1.0, Placement::ONLY_FREE)],
    },
    Bench {
        name: "semaphore.refused",
        about: "ask for a permit where none is free",
        unit: Unit::NanosPer("question"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(refused {
            OURS => ours::plain(0),
            "ours.bounded" => ours::bounded(0),
            "ours.lock" => ours::lock(0),
            "ours.robust" => permit::taken(),
            "ours.robust.elsewhere" => permit::taken_elsewhere(),
            "sem_t" => sem_t::shared(0),
            "std.counter" => counter::std(0),
            "parking_lot.counter" => counter::parking_lot(0),
        } twin!(threading.semaphore_refused), twin!(multiprocessing.semaphore_refused),),
        targets: &[],
    },
    Bench {
        name: "semaphore.2threads",
        about: "a turn goes to another thread by one semaphore and comes back by a second one",
        unit: Unit::MicrosPer("turn"),
        placements: Placement::ALL,
        contenders: contenders!(between_threads {
            OURS => ours::plain,
            "ours.lock" => ours::lock,
            "sem_t" => sem_t::shared,
            "std.counter" => counter::std,
            "parking_lot.counter" => counter::parking_lot,
        } twin!(threading.semaphore_turns),),
        targets: &[
            Target::beside("sem_t", 1.0, Placement::ALL),
            hand_off("std.counter", "parking_lot.counter")[0],
            hand_off("std.counter", "parking_lot.counter")[1],
        ],
    },
    Bench {
        name: "semaphore.2proc",
        about: "the same with another process",
        unit: Unit::MicrosPer("turn"),
        placements: Placement::ALL,
        contenders: contenders!(between_processes {
            OURS => ours::plain,
            "ours.lock" => ours::lock,
            "sem_t" => sem_t::shared,
        } twin!(multiprocessing.semaphore_turns),),
        targets: &[Target::beside("sem_t", 1.0, Placement::ALL)],
    },
];

//! Permits that come back when their holders die, beside a robust mutex and beside semaphores that lose them: a number is increased
//! with the only permit; and one thread has as many as there can be.

use super::contenders;
use crate::locks::{two_processes, two_threads, uncontended};
use crate::ours::{mutex, permit as ours, semaphore};
use crate::peers::{pthread, sem_t};
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::semaphores::{MANY, hold_all, hold_last};

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "permit.uncontended",
        about: "acquire a permit, add one, release it; nobody else wants it",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(uncontended {
            OURS => ours::robust(),
            "ours.private" => ours::private(),
            "ours.plain" => ours::plain(),
            "ours.mutex" => mutex::robust(),
            "sem_t" => sem_t::around_a_number(),
            "pthread.robust" => pthread::robust(),
        }),
        targets: &[],
    },
    Bench {
        name: "permit.2threads",
        about: "the same by two threads at once",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ALL,
        contenders: contenders!(two_threads {
            OURS => ours::robust(),
            "ours.private" => ours::private(),
            "ours.plain" => ours::plain(),
            "ours.mutex" => mutex::robust(),
            "sem_t" => sem_t::around_a_number(),
            "pthread.robust" => pthread::robust(),
        }),
        targets: &[],
    },
    Bench {
        name: "permit.2proc",
        about: "the same by two processes at once",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ALL,
        contenders: contenders!(two_processes {
            OURS => ours::robust(),
            "ours.plain" => ours::plain(),
            "ours.mutex" => mutex::robust(),
            "sem_t" => sem_t::around_a_number(),
            "pthread.robust" => pthread::robust(),
        }),
        targets: &[],
    },
    Bench {
        name: "permit.256.last",
        about: "acquire the last of 256 permits and release it; the others are taken",
        unit: Unit::NanosPer("operation"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(hold_last {
            OURS => ours::all_but_one(ours::many()),
            "ours.private" => ours::all_but_one(ours::many_private()),
            "ours.elsewhere" => ours::all_but_one_elsewhere(),
            "ours.plain" => semaphore::plain(1),
            "sem_t" => sem_t::shared(1),
        }),
        targets: &[],
    },
    Bench {
        name: "permit.256.all",
        about: "acquire all of 256 permits, and release them",
        unit: Unit::NanosPer("permit"),
        placements: Placement::ONLY_FREE,
        contenders: contenders!(hold_all {
            OURS => ours::many(),
            "ours.private" => ours::many_private(),
            "ours.plain" => semaphore::plain(MANY as u32),
            "sem_t" => sem_t::shared(MANY as u32),
        }),
        targets: &[],
    },
];

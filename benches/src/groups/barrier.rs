//! Barriers: two sides that meet again and again.

use crate::ours::barrier as ours;
use crate::peers::meeting;
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::turns::{two_processes, two_threads};

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "barrier.2threads",
        about: "two threads meet at a barrier",
        unit: Unit::MicrosPer("round"),
        placements: Placement::ALL,
        contenders: &[
            Contender::new(OURS, |setting| two_threads(setting, ours::private())),
            Contender::new("std", |setting| two_threads(setting, meeting::std())),
            Contender::new("parking_lot", |setting| two_threads(setting, meeting::parking_lot())),
            Contender::new("pthread.pshared", |setting| two_threads(setting, meeting::pthread())),
        ],
    },
    Bench {
        name: "barrier.2proc",
        about: "the same by two processes",
        unit: Unit::MicrosPer("round"),
        placements: Placement::ALL,
        contenders: &[
            Contender::new(OURS, |setting| two_processes(setting, ours::placed())),
            Contender::new("pthread.pshared", |setting| two_processes(setting, meeting::pthread())),
        ],
    },
];

//! Condition variables: a notification for nobody, and two sides that take turns.

use crate::ours::condvar as ours;
use crate::peers::condition;
use crate::placement::Placement;
use crate::registry::{Bench, Contender, OURS, Unit};
use crate::turns::{two_processes, two_threads};

pub(crate) const BENCHES: &[Bench] = &[
    Bench {
        name: "condvar.notify",
        about: "notify one, where nobody waits",
        unit: Unit::NanosPer("call"),
        placements: Placement::ONLY_FREE,
        contenders: &[
            Contender::new(OURS, ours::to_nobody),
            Contender::new("std", condition::std_to_nobody),
            Contender::new("parking_lot", condition::parking_lot_to_nobody),
            Contender::new("pthread.pshared", condition::pthread_to_nobody),
        ],
    },
    Bench {
        name: "condvar.2threads",
        about: "two threads take turns, each waiting for the other's notification",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: &[
            Contender::new(OURS, |setting| two_threads(setting, ours::private())),
            Contender::new("std", |setting| two_threads(setting, condition::std())),
            Contender::new("parking_lot", |setting| two_threads(setting, condition::parking_lot())),
            Contender::new("pthread.pshared", |setting| two_threads(setting, condition::pthread())),
        ],
    },
    Bench {
        name: "condvar.2proc",
        about: "the same by two processes",
        unit: Unit::MicrosPer("round trip"),
        placements: Placement::ALL,
        contenders: &[
            Contender::new(OURS, |setting| two_processes(setting, ours::placed())),
            Contender::new("pthread.pshared", |setting| two_processes(setting, condition::pthread())),
        ],
    },
];

//! The primitives, one file each.

mod barrier;
mod bounded_semaphore;
mod condvar;
mod doorbell;
mod event;
mod latch;
mod lock;
mod mutex;
mod once_lock;
mod oversleeping;
mod reentrant_mutex;
mod robust_semaphore;
mod rwlock;
mod semaphore;
mod wait_group;

use crate::scenario::Named;

/// What one run is to miss, so that its judge has something to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Planted {
    /// Nobody releases the unowned lock for the dead: the others wait for good.
    HoldsOfTheDead,
    /// The pair that a dead owner has left is not mended.
    TornPair,
    /// Beside all the others, one thread after a time sleeps on while those at the same primitive get on.
    Oversleeping,
    /// Beside all the others, the supervisor is kept waiting when it mends for the dead.
    LongBurial,
}

/// All of them, each in shared memory of the family that the program has founded.
pub(crate) fn all() -> Vec<Named> {
    vec![
        Named { name: "mutex", scenario: mutex::share(true) },
        Named { name: "rwlock", scenario: rwlock::share() },
        Named { name: "condvar", scenario: condvar::share() },
        Named { name: "reentrant mutex", scenario: reentrant_mutex::share() },
        Named { name: "semaphore", scenario: semaphore::share() },
        Named { name: "bounded semaphore", scenario: bounded_semaphore::share() },
        Named { name: "robust semaphore", scenario: robust_semaphore::share() },
        Named { name: "lock", scenario: lock::share(true) },
        Named { name: "event", scenario: event::share() },
        Named { name: "latch", scenario: latch::share() },
        Named { name: "barrier", scenario: barrier::share() },
        Named { name: "wait group", scenario: wait_group::share() },
        Named { name: "once lock", scenario: once_lock::share() },
        Named { name: "doorbell", scenario: doorbell::share() },
    ]
}

/// What lacks something.
pub(crate) fn planted(planted: Planted) -> Vec<Named> {
    let beside_all = |scenario| {
        let mut scenarios = all();
        scenarios.push(Named { name: "planted", scenario });
        scenarios
    };
    match planted {
        Planted::HoldsOfTheDead => vec![Named { name: "lock", scenario: lock::share(false) }],
        Planted::TornPair => vec![Named { name: "mutex", scenario: mutex::share(false) }],
        Planted::Oversleeping => beside_all(oversleeping::share(oversleeping::Who::OnePlace)),
        Planted::LongBurial => beside_all(oversleeping::share(oversleeping::Who::Supervisor)),
    }
}

//! Not a primitive, but what a judge must see: one waits for too long, and nobody else has anything to wait for.

use std::thread;
use std::time::Duration;

use crate::scenario::{Scenario, Seat};

/// More than twice as long as anybody may wait.
const TOO_LONG: Duration = Duration::from_secs(3);

/// The one that waits too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The thread at one place, from time to time.
    OnePlace,
    Supervisor,
}

pub(super) fn share(who: Who) -> &'static dyn Scenario {
    Box::leak(Box::new(who))
}

impl Scenario for Who {
    fn operate(&self, seat: &mut Seat<'_>) {
        let oversleeps = *self == Self::OnePlace && seat.place == 0;
        seat.inside(|random| match oversleeps && random.one_in(3) {
            true => thread::sleep(TOO_LONG),
            false => (0..20).for_each(|_| random.work()),
        });
    }

    fn bury(&self, _place: usize) -> bool {
        if *self == Self::Supervisor {
            thread::sleep(TOO_LONG);
        }
        false
    }
}

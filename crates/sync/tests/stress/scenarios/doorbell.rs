//! A turn for which all wait at one bell. Who dies before it rings leaves the others to the heartbeat. `unsafe`: shared memory.
#![allow(unsafe_code)]

use multiproc_sync::{Doorbell, Pace};

use crate::family;
use crate::ring::Ring;
use crate::scenario::{Scenario, Seat};

#[repr(C)]
struct HandOff {
    ring: Ring,
    bell: Doorbell,
    pace: Pace,
}

pub(super) fn share() -> &'static dyn Scenario {
    let hand_off = HandOff { ring: Ring::new(), bell: Doorbell::new(), pace: Pace::new() };
    // SAFETY: words and a number may be zero.
    unsafe { family::share(hand_off, |_, _| ()) }
}

impl Scenario for HandOff {
    fn operate(&self, seat: &mut Seat<'_>) {
        let place = seat.place;
        seat.inside(|random| {
            let turn = self.bell.wait(&self.pace, None, || (self.ring.at() == place).then_some(()));
            turn.expect("no signal has a hook");
            self.ring.give_on(place);
            random.work();
            self.bell.ring();
        });
    }
}

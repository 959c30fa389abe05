//! A turn handed on by a permit of the next one's semaphore. `unsafe`: shared memory.
#![allow(unsafe_code)]

use multiproc_sync::Semaphore;

use crate::board::PLACES;
use crate::family;
use crate::ring::Ring;
use crate::scenario::{Scenario, Seat};

#[repr(C)]
struct HandOff {
    ring: Ring,
    turns: [Semaphore; PLACES],
}

pub(super) fn share() -> &'static dyn Scenario {
    let hand_off = HandOff { ring: Ring::new(), turns: [const { Semaphore::new(0) }; PLACES] };
    let first = hand_off.turns[0].release(1);
    first.expect("there is room");
    // SAFETY: words and a number may be zero.
    unsafe { family::share(hand_off, |_, _| ()) }
}

impl Scenario for HandOff {
    fn operate(&self, seat: &mut Seat<'_>) {
        let place = seat.place;
        seat.inside(|random| {
            loop {
                self.turns[place].acquire().expect("no signal has a hook");
                // Else it was released for a dead one that had released it itself.
                if self.ring.at() == place {
                    break;
                }
            }
            random.work();
            let next = self.ring.give_on(place);
            self.turns[next].release(1).expect("there is room");
        });
    }

    /// The permit of whose turn it is may have died with the dead: one too many is found out by who gets it.
    fn bury(&self, _place: usize) -> bool {
        let turn = &self.turns[self.ring.at()];
        let lost = turn.available() == 0;
        if lost {
            turn.release(1).expect("there is room");
        }
        lost
    }
}

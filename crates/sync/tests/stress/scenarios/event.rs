//! A turn handed on by setting the next one's event. `unsafe`: shared memory.
#![allow(unsafe_code)]

use multiproc_sync::Event;

use crate::board::PLACES;
use crate::family;
use crate::ring::Ring;
use crate::scenario::{Scenario, Seat};

#[repr(C)]
struct HandOff {
    ring: Ring,
    turns: [Event; PLACES],
}

pub(super) fn share() -> &'static dyn Scenario {
    let hand_off = HandOff { ring: Ring::new(), turns: [const { Event::new() }; PLACES] };
    // SAFETY: words and a number may be zero.
    unsafe {
        family::share(hand_off, |hand_off, placement| {
            hand_off.turns.iter_mut().for_each(|turn| family::place(turn, placement));
        })
    }
}

impl Scenario for HandOff {
    /// "Wait, clear, look for work": an event that was missed stops the ring for good.
    fn operate(&self, seat: &mut Seat<'_>) {
        let place = seat.place;
        seat.inside(|random| {
            while self.ring.at() != place {
                self.turns[place].wait().expect("no signal has a hook");
                self.turns[place].clear();
            }
            let next = self.ring.give_on(place);
            random.work();
            self.turns[next].set();
        });
    }

    /// Who gave the turn on may have died before it told the next.
    fn bury(&self, _place: usize) -> bool {
        let turn = &self.turns[self.ring.at()];
        let untold = !turn.is_set();
        turn.set();
        untold
    }
}

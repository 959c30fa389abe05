//! For the models, in which everybody gets the mutex: what parties do that cannot.

use std::sync::atomic::Ordering::Release;

use super::Barrier;
use super::presence::name;
use super::state::Place;
use crate::mutex::patience::Patience;

impl Barrier {
    /// Takes the place of a party that waits for good.
    pub(crate) fn take_place_for_good(&self) -> Place {
        let mut state = self.lock(Patience::Endless).expect("nobody has died");
        let owner = name(&state);
        state.arrive(owner).expect("not all places are taken")
    }

    /// What a party does last that leaves early and does not get the mutex.
    pub(crate) fn leave_from_afar(&self, place: Place) {
        self.left.fetch_or(1 << place, Release);
        self.turn.notify_all();
    }

    /// What one does last that has no place and does not get the mutex.
    pub(crate) fn give_up_without_the_mutex(&self) {
        self.given_up.fetch_add(1, Release);
        self.turn.notify_all();
    }
}

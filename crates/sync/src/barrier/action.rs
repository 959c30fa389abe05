//! What a panic of the last party's action does.

use super::Barrier;
use super::state::Place;

/// Breaks the barrier when an action panics.
pub(super) struct BreaksIfDropped<'a> {
    pub(super) barrier: &'a Barrier,
    pub(super) place: Place,
}

impl Drop for BreaksIfDropped<'_> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.barrier.lock() {
            state.break_for(0);
            state.leave(self.place);
        }
        self.barrier.turn.notify_all();
    }
}

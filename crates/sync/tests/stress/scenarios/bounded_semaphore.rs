//! Two permits for all, which the supervisor puts back for the dead; as it cannot know whether they had one, there may be one too many
//! until it is refused. `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // flags beside the semaphore, not the semaphore
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use multiproc_sync::BoundedSemaphore;

use crate::board::PLACES;
use crate::family;
use crate::scenario::{Scenario, Seat};

const PERMITS: u32 = 2;

#[repr(C)]
struct Crowd {
    permits: BoundedSemaphore,
    /// 1: the one at this place may have a permit.
    may_have: [AtomicU32; PLACES],
}

pub(super) fn share() -> &'static dyn Scenario {
    let permits = BoundedSemaphore::new(PERMITS);
    let crowd = Crowd { permits, may_have: [const { AtomicU32::new(0) }; PLACES] };
    // SAFETY: words and numbers may be zero.
    unsafe { family::share(crowd, |_, _| ()) }
}

impl Scenario for Crowd {
    fn operate(&self, seat: &mut Seat<'_>) {
        self.may_have[seat.place].store(1, SeqCst);
        let refused = seat.inside(|random| {
            self.permits.acquire().expect("no signal has a hook");
            random.work();
            self.permits.release(1).is_err()
        });
        self.may_have[seat.place].store(0, SeqCst);
        assert!(self.permits.available() <= PERMITS, "more are free than there are");
        if refused {
            seat.recovered(); // the one too many
        }
    }

    fn bury(&self, place: usize) -> bool {
        let may_have = self.may_have[place].swap(0, SeqCst) == 1;
        may_have && self.permits.release(1).is_ok()
    }
}

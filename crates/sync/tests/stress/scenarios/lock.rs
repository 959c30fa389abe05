//! The lock that nobody owns, which the supervisor releases for the dead; as it cannot know whether they had it, it may be released
//! once too often. `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // flags beside the lock, not the lock
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use multiproc_sync::Lock;

use crate::board::PLACES;
use crate::family;
use crate::scenario::{Scenario, Seat};

#[repr(C)]
struct Unowned {
    lock: Lock,
    /// 1: the one at this place may have the lock.
    may_have: [AtomicU32; PLACES],
    /// Whether it is released for the dead.
    mends: bool,
}

pub(super) fn share(mends: bool) -> &'static dyn Scenario {
    let unowned = Unowned { lock: Lock::new(), may_have: [const { AtomicU32::new(0) }; PLACES], mends };
    // SAFETY: words, numbers and a flag may be zero.
    unsafe { family::share(unowned, |_, _| ()) }
}

impl Scenario for Unowned {
    fn operate(&self, seat: &mut Seat<'_>) {
        self.may_have[seat.place].store(1, SeqCst);
        let refused = seat.inside(|random| {
            self.lock.acquire().expect("no signal has a hook");
            random.work();
            self.lock.release().is_err()
        });
        self.may_have[seat.place].store(0, SeqCst);
        if refused {
            seat.recovered(); // the release too many
        }
    }

    fn bury(&self, place: usize) -> bool {
        let may_have = self.may_have[place].swap(0, SeqCst) == 1;
        self.mends && may_have && self.lock.release().is_ok()
    }
}

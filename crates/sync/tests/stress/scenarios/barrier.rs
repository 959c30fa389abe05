//! All places meet, again and again. A party's death breaks the barrier, and the survivors make it as new. `unsafe`: shared memory.
#![allow(clippy::disallowed_types)] // a count beside the barrier, not the barrier
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use multiproc_sync::{Barrier, BarrierError};
use multiproc_testkit::{eventually, is_running};

use crate::board::PLACES;
use crate::family;
use crate::random::Random;
use crate::scenario::{Scenario, Seat};

#[repr(C)]
struct Meeting {
    barrier: Barrier,
    /// How many rounds were complete: counted by the last to come, before the others go on.
    met: AtomicU64,
}

pub(super) fn share() -> &'static dyn Scenario {
    let barrier = Barrier::new(PLACES as u32).expect("not too many");
    // SAFETY: words and numbers may be zero.
    unsafe {
        family::share(Meeting { barrier, met: AtomicU64::new(0) }, |meeting, placement| {
            family::place(&mut meeting.barrier, placement);
        })
    }
}

impl Meeting {
    /// As new, unless another has done it.
    fn mend(&self) {
        if self.barrier.is_broken().expect("it can be reached") {
            self.barrier.reset().expect("it can be reached");
        }
    }
}

impl Scenario for Meeting {
    fn operate(&self, seat: &mut Seat<'_>) {
        let before = self.met.load(SeqCst);
        let meet = |random: &mut Random| {
            self.barrier.wait_with(|| {
                random.work();
                self.met.fetch_add(1, SeqCst);
            })
        };
        match seat.inside(meet) {
            Ok(_) => assert!(self.met.load(SeqCst) > before, "one went on and the round was not met"),
            Err(BarrierError::PartyDied { pid }) => {
                // It is no party any more once its thread is dead, a moment before all of its process is.
                eventually("the party that is said to be dead ends", || !is_running(pid));
                self.mend();
                seat.recovered();
            }
            Err(BarrierError::Broken) => self.mend(),
            Err(error) => panic!("{error}"),
        }
    }

    fn check(&self, operations: u64, kills: u64) {
        let met = self.met.load(SeqCst);
        let most = (operations + kills) / PLACES as u64 + 1;
        assert!((1..=most).contains(&met), "{operations} operations have met {met} times");
    }
}

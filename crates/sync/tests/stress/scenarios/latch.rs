//! Round after round all places count a latch down and wait for it, each round at one of its own. `unsafe`: shared memory; latches of
//! rounds that are over are made anew.
#![allow(clippy::disallowed_types)] // counts beside the latches, not the latches
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::{ArriveError, Latch};

use crate::board::PLACES;
use crate::scenario::{Scenario, Seat};

const LATCHES: u64 = 1 << 16;

#[repr(C)]
struct Rounds {
    latches: [Latch; LATCHES as usize],
    /// How many at each latch were told that they have counted.
    counted: [AtomicU32; LATCHES as usize],
    /// In which round each place is.
    round: [AtomicU64; PLACES],
    /// The first round without a latch of its own yet.
    end: AtomicU64,
}

pub(super) fn share() -> &'static dyn Scenario {
    // SAFETY: words and numbers may be zero.
    let memory = unsafe { multiproc_testkit::fault::Memory::<Rounds>::zeroed() };
    let rounds = memory.leak();
    rounds.maintain();
    rounds
}

fn at(round: u64) -> usize {
    (round % LATCHES) as usize
}

impl Scenario for Rounds {
    /// Who takes over from one that died between counting and going on counts once more. So a latch may open early, and there may be
    /// one left over who is told; but nobody waits for the dead.
    fn operate(&self, seat: &mut Seat<'_>) {
        let round = self.round[seat.place].load(SeqCst);
        if round == self.end.load(SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
            return;
        }
        let latch = &self.latches[at(round)];
        match seat.inside(|_| latch.count_down(1)) {
            Ok(()) => {
                let counted = self.counted[at(round)].fetch_add(1, SeqCst);
                assert!(counted < PLACES as u32, "more have counted than the latch is for");
            }
            Err(_) => seat.recovered(),
        }
        seat.inside(|_| latch.wait()).expect("no signal has a hook");
        assert!(latch.is_open(), "it has let one through, and is closed");
        if seat.random.one_in(8) {
            assert!(
                matches!(latch.arrive_and_wait(), Err(ArriveError::TooMany(_))),
                "one too many has counted"
            );
        }
        self.round[seat.place].store(round + 1, SeqCst);
    }

    /// Makes the latches of the rounds that are over for everybody ready for later ones.
    fn maintain(&self) {
        let first = self.round.iter().map(|round| round.load(SeqCst)).min().unwrap_or(0);
        for round in self.end.load(SeqCst)..first + LATCHES {
            self.counted[at(round)].store(0, SeqCst);
            let latch = std::ptr::from_ref(&self.latches[at(round)]).cast_mut();
            // SAFETY: words that any thread may change; nobody is at this one, as its last round is over for all, and the next
            // begins with the store below.
            unsafe { latch.write(Latch::new(PLACES as u32)) };
        }
        self.end.store(first + LATCHES, SeqCst);
    }
}

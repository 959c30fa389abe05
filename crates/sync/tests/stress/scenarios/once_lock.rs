//! Round after round all places get the value of a cell that whoever comes first makes, each round of another cell. `unsafe`: shared
//! memory; cells of rounds that are over are made anew.
#![allow(clippy::disallowed_types)] // numbers beside the cells, not the cells
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use multiproc_sync::OnceLock;
use multiproc_sync::shm_safe::{Placement, ShmSafe as _};
use multiproc_testkit::is_running;

use crate::board::PLACES;
use crate::scenario::{Scenario, Seat};

const CELLS: u64 = 1 << 14;

/// A cell that is made anew when its round is over for everybody.
#[repr(transparent)]
struct Renewed(UnsafeCell<OnceLock<[u64; 2]>>);

// SAFETY: as the cell in it; who makes it anew takes care that nobody is there.
unsafe impl Sync for Renewed {}

#[repr(C)]
struct Rounds {
    cells: [Renewed; CELLS as usize],
    /// What the first to get the value of each cell has seen; 0: nobody yet.
    seen: [AtomicU64; CELLS as usize],
    /// The process that makes the value of each cell, or has died at it; 0: nobody has begun.
    maker: [AtomicU32; CELLS as usize],
    /// How often an initialiser has begun.
    begun: AtomicU64,
    /// In which round each place is.
    round: [AtomicU64; PLACES],
    /// The first round without a cell of its own yet.
    end: AtomicU64,
}

pub(super) fn share() -> &'static dyn Scenario {
    // SAFETY: words and numbers may be zero, and so may cells until they are placed.
    let memory = unsafe { multiproc_testkit::fault::Memory::<Rounds>::zeroed() };
    let rounds = memory.leak();
    rounds.maintain();
    rounds
}

fn at(round: u64) -> usize {
    (round % CELLS) as usize
}

impl Scenario for Rounds {
    fn operate(&self, seat: &mut Seat<'_>) {
        let round = self.round[seat.place].load(SeqCst);
        if round == self.end.load(SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
            return;
        }
        // SAFETY: made anew only when this place has left the round.
        let cell = unsafe { &*self.cells[at(round)].0.get() };
        let mut followed = 0;
        let [value, copy] = *seat.inside(|random| {
            let make = || {
                followed = self.maker[at(round)].swap(std::process::id(), SeqCst);
                let value = self.begun.fetch_add(1, SeqCst) + 1;
                // Long, so that deaths come in the middle.
                (0..40).for_each(|_| random.work());
                [value, value]
            };
            cell.get_or_init(make).expect("no signal has a hook")
        });
        assert_eq!(value, copy, "half a value");
        if followed != 0 {
            assert!(!is_running(followed), "two have made one value, and the first has not died");
            seat.recovered();
        }
        let first = self.seen[at(round)].compare_exchange(0, value, SeqCst, SeqCst);
        assert!(first.is_ok() || first == Err(value), "two values of one cell: {first:?} and {value}");
        self.round[seat.place].store(round + 1, SeqCst);
    }

    /// Makes the cells of the rounds that are over for everybody ready for later ones.
    fn maintain(&self) {
        let first = self.round.iter().map(|round| round.load(SeqCst)).min().unwrap_or(0);
        // SAFETY: the cells lie in shared memory, where they stay.
        let placement = unsafe { Placement::new() }.expect("there is a family");
        for round in self.end.load(SeqCst)..first + CELLS {
            self.seen[at(round)].store(0, SeqCst);
            self.maker[at(round)].store(0, SeqCst);
            // SAFETY: nobody is at this cell, as its last round is over for all, and the next begins with the store below.
            let cell = unsafe { &mut *self.cells[at(round)].0.get() };
            *cell = OnceLock::new();
            cell.place(&placement).expect("there is a family");
        }
        self.end.store(first + CELLS, SeqCst);
    }

    fn check(&self, operations: u64, kills: u64) {
        let begun = self.begun.load(SeqCst);
        assert!(
            (1..=operations + kills).contains(&begun),
            "{operations} operations have begun {begun} values"
        );
    }
}

//! What the benches do with a latch, whoever brings it: look at an open one, count one down alone, go along a row of them with another side.
//! `unsafe`: they serve once, and are made anew.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Result;
use crate::alone;
use crate::cells::{Cells, Disposable};
use crate::groups::agree;
use crate::locks::have_two_threads;
use crate::neighbour::Alone;
use crate::race::{Race, Row};
use crate::session::{Setting, Start};
use crate::sys;

/// A door that opens once, when so many have counted down.
pub(crate) trait Latch: Sync + 'static {
    fn new(count: u32) -> Self;

    /// Makes it fit for several processes, at its final address.
    fn place(&mut self) {}

    /// Counts one down.
    fn count_down(&self);

    /// Waits until it is open.
    fn wait(&self);

    fn is_open(&self) -> bool;
}

/// A latch for so many, on a cache line of its own, as every lock here.
#[derive(Debug)]
#[repr(align(64))]
struct Of<const COUNT: u32, L>(L);

impl<const COUNT: u32, L: Latch> Disposable for Of<COUNT, L> {
    fn new() -> Self {
        Self(L::new(COUNT))
    }

    fn place(&mut self) {
        self.0.place();
    }
}

/// Counted down between two looks at the clock.
const COUNTS: u32 = 4096;

/// Turns in a row of latches.
const TURNS: u64 = 64;

/// One for so many, in memory that processes share.
pub(crate) fn one<const COUNT: u32, L: Latch>() -> Result<&'static L> {
    let [latch] = Cells::<Of<COUNT, L>>::leaked(1)?.all() else { return Err("a row of one has one".into()) };
    Ok(&latch.0)
}

/// Looks at one that is open.
pub(crate) fn look<L: Latch>(_: &Setting) -> Result<Start> {
    let latch = one::<1, L>()?;
    latch.count_down();
    alone::looks(Ok(latch), L::is_open)
}

/// Counts one of many down; the last one opens it for nobody.
pub(crate) fn count_down<L: Latch>(_: &Setting) -> Result<Start> {
    let latches = Cells::<Of<COUNTS, L>>::leaked(1)?;
    have_two_threads();
    Start::here(Alone::new(move || {
        for latch in latches.all() {
            agree(latch.0.is_open().into(), 0)?;
            alone::repeat(&latch.0, L::count_down, COUNTS.into());
            agree(latch.0.is_open().into(), 1)?;
        }
        // SAFETY: nobody else knows of them, and what is done above begins anew.
        unsafe { latches.renew() };
        Ok(COUNTS.into())
    }))
}

/// To another thread and back.
pub(crate) fn two_threads<L: Latch>(setting: &Setting) -> Result<Start> {
    Start::here(Race::of_threads(Relay::<L>::leaked()?, setting)?)
}

/// To another process and back.
pub(crate) fn two_processes<L: Latch>(_: &Setting) -> Result<Start> {
    Start::here(Race::of_processes(Relay::<L>::leaked()?)?)
}

/// A turn goes there by one latch and comes back by the next.
struct Relay<L: 'static> {
    latches: Cells<Of<1, L>>,
    tally: &'static Tally,
}

/// On a cache line that is the other side's but for one look a row.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Tally {
    /// Turns that the other side has had.
    had: AtomicU64,
}

impl<L> Clone for Relay<L> {
    fn clone(&self) -> Self {
        Self { latches: self.latches.clone(), tally: self.tally }
    }
}

impl<L: Latch> Relay<L> {
    fn leaked() -> Result<Self> {
        Ok(Self { latches: Cells::leaked(2 * TURNS as usize)?, tally: sys::leak_shared(Tally::default())? })
    }

    /// Those that lead there, each with the one that leads back.
    fn turns(&self) -> impl Iterator<Item = (&'static L, &'static L)> {
        self.latches.all().chunks_exact(2).map(|pair| (&pair[0].0, &pair[1].0))
    }
}

impl<L: Latch> Row for Relay<L> {
    const STEPS: u64 = TURNS;
    const FOUND: u64 = TURNS;

    unsafe fn renew(&self) {
        // Relaxed here and below: the turn itself orders it, and the race what is done between two rows.
        self.tally.had.store(0, Ordering::Relaxed);
        // SAFETY: by the caller nobody else reaches them.
        unsafe { self.latches.renew() };
    }

    fn near(&self) -> u64 {
        for (there, back) in self.turns() {
            there.count_down();
            back.wait();
        }
        self.tally.had.load(Ordering::Relaxed)
    }

    fn far(&self) -> u64 {
        let had = &self.tally.had;
        for (there, back) in self.turns() {
            there.wait();
            had.store(had.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            back.count_down();
        }
        had.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::latch::Std;
    use crate::placement::Placement;
    use crate::session::Session;

    fn race<L: Latch>() -> Race<Relay<L>> {
        Race::of_threads(Relay::leaked().unwrap(), &Setting::new(Placement::Free, true).unwrap()).unwrap()
    }

    #[test]
    fn each_turn_comes_back_once() {
        let mut race = race::<Std>();
        (0..50).for_each(|_| assert_eq!(race.batch().unwrap(), TURNS));
    }

    /// Lets everybody pass.
    struct Open(#[expect(dead_code, reason = "a cell has a size")] u32);

    impl Latch for Open {
        fn new(count: u32) -> Self {
            Self(count)
        }

        fn count_down(&self) {}

        fn wait(&self) {}

        fn is_open(&self) -> bool {
            true
        }
    }

    #[test]
    fn what_holds_nobody_up_fails_its_race() {
        let mut race = race::<Open>();
        let ends = (0..1000).find_map(|_| race.batch().err());
        assert!(ends.is_some_and(|error| error.to_string().contains("is right")));
        let Start::Here(mut alone) =
            count_down::<Open>(&Setting::new(Placement::Free, true).unwrap()).unwrap()
        else {
            panic!("it runs here")
        };
        assert!(alone.batch().is_err());
    }
}

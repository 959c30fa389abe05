//! A turn that two sides hand to and fro. What counts is how often it has come back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::Result;
use crate::groups::agree;
use crate::other::Other;
use crate::session::{Session, Setting, Start};
use crate::sys;

/// By what two sides hand a turn to and fro.
pub(crate) trait HandOff: Copy + Send + 'static {
    /// How far the counts of both sides may lie apart when the near one has its turn.
    const APART: u64;

    /// The measured side: gives its turn away, and waits until it has it again.
    fn near(self);

    /// The other side: waits for its turn, and gives it back. Calls `had` once, in between if it can.
    fn far(self, had: impl FnOnce());
}

/// What one side gives and another takes: a semaphore, a flag.
pub(crate) trait Token: Sync + 'static {
    fn give(&self);

    /// Waits until it is given.
    fn take(&self);
}

/// A turn goes there by the first one and comes back by the second one.
impl<T: Token> HandOff for [&'static T; 2] {
    const APART: u64 = 0;

    #[inline(always)]
    fn near(self) {
        let [there, back] = self;
        there.give();
        back.take();
    }

    #[inline(always)]
    fn far(self, had: impl FnOnce()) {
        let [there, back] = self;
        there.take();
        had();
        back.give();
    }
}

/// Something at which both sides wait for each other.
pub(crate) trait Turns: Sync + 'static {
    /// Does this side's part of a turn: 0 is measured, 1 the other one.
    fn take(&self, side: u64);
}

impl<T: Turns> HandOff for &'static T {
    /// Each side goes on as soon as the other one has come.
    const APART: u64 = 1;

    #[inline(always)]
    fn near(self) {
        self.take(0);
    }

    #[inline(always)]
    fn far(self, had: impl FnOnce()) {
        had();
        self.take(1);
    }
}

/// Turns between two looks at the clock.
const TURNS: u64 = 64;

/// To another thread and back.
pub(crate) fn two_threads<H: HandOff>(setting: &Setting, hand_off: Result<H>) -> Result<Start> {
    Start::here(Game::of_threads(hand_off?, setting)?)
}

/// To another process and back.
pub(crate) fn two_processes<H: HandOff>(_: &Setting, hand_off: Result<H>) -> Result<Start> {
    Start::here(Game::of_processes(hand_off?)?)
}

/// The side that is measured.
struct Game<H> {
    hand_off: H,
    tally: &'static Tally,
    /// Turns that were given away.
    given: u64,
    _other: Other,
}

/// What both sides see besides: on a cache line that is the other side's but for one look a batch.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Tally {
    /// Turns that the other side has had.
    had: AtomicU64,
    /// The other side, if it has the turn or comes to have it, is to end.
    ends: AtomicBool,
}

impl Tally {
    /// Relaxed here and below: the turn itself orders it.
    fn play(&self, hand_off: impl HandOff) {
        while !self.ends.load(Ordering::Relaxed) {
            hand_off.far(|| self.had.store(self.had.load(Ordering::Relaxed) + 1, Ordering::Relaxed));
        }
    }
}

impl<H: HandOff> Game<H> {
    fn of_threads(hand_off: H, setting: &Setting) -> Result<Self> {
        Self::with(hand_off, |tally| Ok(Other::thread(setting, move || tally.play(hand_off))))
    }

    fn of_processes(hand_off: H) -> Result<Self> {
        Self::with(hand_off, |tally| Other::process(|| tally.play(hand_off)))
    }

    fn with(hand_off: H, start: impl FnOnce(&'static Tally) -> Result<Other>) -> Result<Self> {
        let tally = sys::leak_shared(Tally::default())?;
        Ok(Self { hand_off, tally, given: 0, _other: start(tally)? })
    }
}

impl<H: HandOff> Session for Game<H> {
    fn batch(&mut self) -> Result<u64> {
        (0..TURNS).for_each(|_| self.hand_off.near());
        self.given += TURNS;
        let had = self.tally.had.load(Ordering::Relaxed);
        if had.abs_diff(self.given) > H::APART {
            agree(had, self.given)?;
        }
        Ok(TURNS)
    }
}

impl<H> Drop for Game<H> {
    fn drop(&mut self) {
        self.tally.ends.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{counter, meeting};
    use crate::placement::Placement;
    use crate::semaphores::Semaphore;

    fn game<H: HandOff>(hand_off: H) -> Game<H> {
        Game::of_threads(hand_off, &Setting::new(Placement::Free, true).unwrap()).unwrap()
    }

    #[test]
    fn each_turn_comes_back_once() {
        let semaphores = [counter::std(0).unwrap(), counter::std(0).unwrap()];
        let mut game = game(semaphores);
        (0..5).for_each(|_| assert_eq!(game.batch().unwrap(), TURNS));
        assert_eq!(game.tally.had.load(Ordering::Relaxed), 5 * TURNS);
        assert_eq!(semaphores.map(Semaphore::free), [0, 0]);
    }

    #[test]
    fn at_a_barrier_neither_side_is_ahead() {
        let mut game = game(meeting::std(2).unwrap());
        (0..50).for_each(|_| assert_eq!(game.batch().unwrap(), TURNS));
    }

    /// Lets everybody pass.
    struct Open;

    impl Semaphore for Open {
        fn acquire(&self) {}

        fn try_acquire(&self) -> bool {
            true
        }

        fn release(&self) {}

        fn free(&self) -> u64 {
            1
        }
    }

    impl Turns for Open {
        fn take(&self, _: u64) {}
    }

    fn fails_its_round(hand_off: impl HandOff) {
        let mut game = game(hand_off);
        let ends = (0..1000).find_map(|_| game.batch().err());
        assert!(ends.is_some_and(|error| error.to_string().contains("is right")));
    }

    #[test]
    fn what_holds_nobody_up_fails_its_round() {
        fails_its_round([&Open, &Open]);
        fails_its_round(&Open);
    }
}

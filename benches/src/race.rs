//! Two sides that go along the same row at the same time: what a step costs until both are through. `unsafe`: the row is made anew
//! between two races.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::groups::agree;
use crate::other::Other;
use crate::session::{Sample, Session, Setting};
use crate::sys::{self, Reach};

/// What both sides go along, of what serves once.
pub(crate) trait Row: Clone + Send + 'static {
    /// Steps that count.
    const STEPS: u64;
    /// What each side has found at the end.
    const FOUND: u64;

    /// Makes it anew.
    ///
    /// # Safety
    ///
    /// Nobody is on it, and whoever was has kept nothing of it.
    unsafe fn renew(&self);

    /// The measured side goes along.
    fn near(&self) -> u64;

    /// The other side does.
    fn far(&self) -> u64;
}

/// Looks for the next race before the other side sleeps in between: more than a row is long.
const PATIENT_LOOKS: u32 = 1000;

/// Where a race stands: each word counts races, so that a side that comes late does not take one for another.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Gate {
    /// Rows that are made anew.
    ready: AtomicU32,
    /// Races that the other side is at the start of.
    there: AtomicU32,
    /// Races that run.
    started: AtomicU32,
    /// Races that the other side is through.
    through: AtomicU32,
    /// What it found in the last one.
    found: AtomicU64,
}

impl Gate {
    /// Waits until a word says this race.
    fn until(word: &AtomicU32, race: u32) {
        // Acquire: with the Release of `say`.
        while word.load(Ordering::Acquire) != race {
            thread::yield_now();
        }
    }

    /// The same, for a race that may be far off: between two rounds others are measured.
    fn until_some_time(word: &AtomicU32, race: u32) {
        for looks in 0.. {
            let seen = word.load(Ordering::Acquire);
            if seen == race {
                return;
            }
            if looks < PATIENT_LOOKS {
                thread::yield_now();
            } else {
                sys::futex_wait(word, seen, Reach::Processes);
            }
        }
    }

    fn say(word: &AtomicU32, race: u32) {
        word.store(race, Ordering::Release);
    }
}

/// The side that is measured.
#[derive(Debug)]
pub(crate) struct Race<R> {
    row: R,
    gate: &'static Gate,
    race: u32,
    _other: Other,
}

impl<R: Row> Race<R> {
    pub(crate) fn of_threads(row: R, setting: &Setting) -> Result<Self> {
        Self::with(row, |row, gate| Ok(Other::thread(setting, move || other_side(&row, gate))))
    }

    pub(crate) fn of_processes(row: R) -> Result<Self> {
        Self::with(row, |row, gate| Other::process(|| other_side(&row, gate)))
    }

    fn with(row: R, start: impl FnOnce(R, &'static Gate) -> Result<Other>) -> Result<Self> {
        let gate = sys::leak_shared(Gate::default())?;
        let other = start(row.clone(), gate)?;
        Ok(Self { row, gate, race: 0, _other: other })
    }

    /// One race, from the moment at which both stand at its start.
    fn run(&mut self) -> Result<Duration> {
        self.race += 1;
        // SAFETY: both sides are through the race before, and the other one waits for this one.
        unsafe { self.row.renew() };
        Gate::say(&self.gate.ready, self.race);
        sys::futex_wake_one(&self.gate.ready, Reach::Processes);
        Gate::until(&self.gate.there, self.race);
        Gate::say(&self.gate.started, self.race);
        let begin = Instant::now();
        let found = self.row.near();
        Gate::until(&self.gate.through, self.race);
        let elapsed = begin.elapsed();
        agree(found, R::FOUND)?;
        agree(self.gate.found.load(Ordering::Relaxed), R::FOUND)?;
        Ok(elapsed)
    }
}

/// Until it is killed, or its process ends.
fn other_side(row: &impl Row, gate: &Gate) {
    for race in 1.. {
        Gate::until_some_time(&gate.ready, race);
        Gate::say(&gate.there, race);
        Gate::until(&gate.started, race);
        gate.found.store(row.far(), Ordering::Relaxed);
        Gate::say(&gate.through, race);
    }
}

impl<R: Row> Session for Race<R> {
    fn batch(&mut self) -> Result<u64> {
        self.run()?;
        Ok(R::STEPS)
    }

    /// To make the row anew is no part of the race, and is not timed.
    fn round(&mut self, length: Duration) -> Result<Sample> {
        let (begin, mut raced, mut steps) = (Instant::now(), Duration::ZERO, 0);
        while begin.elapsed() < length {
            raced += self.run()?;
            steps += R::STEPS;
        }
        Ok(Sample::timed(steps, raced))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::placement::Placement;

    /// Counts how often it was gone along since it was made anew, by each side.
    #[derive(Clone, Copy)]
    struct Walked<const FOUND: u64> {
        near: &'static AtomicU64,
        far: &'static AtomicU64,
    }

    impl<const FOUND: u64> Walked<FOUND> {
        fn new() -> Self {
            Self { near: Box::leak(Box::default()), far: Box::leak(Box::default()) }
        }
    }

    impl<const FOUND: u64> Row for Walked<FOUND> {
        const STEPS: u64 = 3;
        const FOUND: u64 = FOUND;

        unsafe fn renew(&self) {
            self.near.store(0, Ordering::Relaxed);
            self.far.store(0, Ordering::Relaxed);
        }

        fn near(&self) -> u64 {
            self.near.fetch_add(1, Ordering::Relaxed) + 1
        }

        fn far(&self) -> u64 {
            self.far.fetch_add(1, Ordering::Relaxed) + 1
        }
    }

    fn race<const FOUND: u64>(row: Walked<FOUND>) -> Race<Walked<FOUND>> {
        Race::of_threads(row, &Setting::new(Placement::Free, true).unwrap()).unwrap()
    }

    #[test]
    fn each_side_goes_once_along_each_row() {
        let row = Walked::<1>::new();
        let mut race = race(row);
        for _ in 0..50 {
            assert_eq!(race.batch().unwrap(), 3);
            assert_eq!([row.near, row.far].map(|count| count.load(Ordering::Relaxed)), [1, 1]);
        }
    }

    #[test]
    fn who_finds_something_else_fails_its_race() {
        assert!(race(Walked::<2>::new()).batch().unwrap_err().to_string().contains("is right"));
    }
}

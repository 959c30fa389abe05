//! Two sides that go along the same row of empty cells at the same time: what a cell costs until both have its value. `unsafe`: the
//! row is emptied between two races.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::prctl;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::Result;
use crate::groups::agree;
use crate::locks;
use crate::onces::{Cells, Once, VALUE};
use crate::peers::fork::{Forks, wait};
use crate::placement;
use crate::session::{Sample, Session, Setting};
use crate::sys;

/// Cells in a row.
const ROW: usize = 256;

/// Looks for the next race before the other side sleeps in between: more than a row is long.
const PATIENT_LOOKS: u32 = 1000;

/// The longest sleep between two such looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// Where a race stands: each word counts races, so that a side that comes late does not take one for another.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Gate {
    /// Rows that are empty.
    ready: AtomicU32,
    /// Races that the other side is at the start of.
    there: AtomicU32,
    /// Races that run.
    started: AtomicU32,
    /// Races that the other side is through.
    through: AtomicU32,
    /// What it found in the last one.
    sum: AtomicU64,
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
        let mut pause = Duration::from_micros(50);
        for looks in 0.. {
            if word.load(Ordering::Acquire) == race {
                return;
            }
            if looks < PATIENT_LOOKS {
                thread::yield_now();
            } else {
                thread::sleep(pause);
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }

    fn say(word: &AtomicU32, race: u32) {
        word.store(race, Ordering::Release);
    }
}

/// The side that is measured.
#[derive(Debug)]
pub(crate) struct Race<C: 'static> {
    cells: Cells<C>,
    gate: &'static Gate,
    race: u32,
    /// The process of the other side; a thread ends with this one.
    child: Option<Pid>,
}

impl<C: Once> Race<C> {
    pub(crate) fn of_threads(setting: &Setting) -> Result<Self> {
        let race = Self::alone()?;
        let (cells, gate, far) = (race.cells.clone(), race.gate, setting.far());
        thread::spawn(move || {
            // Left where it is, it would be missed there: a placement is looked at before the first round.
            if far.is_none_or(|cpu| placement::pin(Pid::from_raw(0), cpu).is_ok()) {
                other_side(&cells, gate);
            }
        });
        Ok(race)
    }

    pub(crate) fn of_processes() -> Result<Self> {
        let forks = Forks::of_one_thread()?;
        let mut race = Self::alone()?;
        let child = forks.start(|| {
            // A parent that is killed cannot end it.
            if prctl::set_pdeathsig(Signal::SIGKILL).is_ok() {
                locks::have_two_threads();
                other_side(&race.cells, race.gate);
            }
        })?;
        race.child = Some(child);
        locks::have_two_threads();
        Ok(race)
    }

    fn alone() -> Result<Self> {
        Ok(Self {
            cells: Cells::leaked(ROW)?,
            gate: sys::leak_shared(Gate::default())?,
            race: 0,
            child: None,
        })
    }

    /// One race, from the moment at which both stand at its start.
    fn run(&mut self) -> Result<Duration> {
        self.race += 1;
        // SAFETY: the other side is through the race before, and waits for this one.
        unsafe { self.cells.renew() };
        Gate::say(&self.gate.ready, self.race);
        Gate::until(&self.gate.there, self.race);
        Gate::say(&self.gate.started, self.race);
        let begin = Instant::now();
        let sum = self.cells.get_all();
        Gate::until(&self.gate.through, self.race);
        let elapsed = begin.elapsed();
        agree(sum, ROW as u64 * VALUE)?;
        agree(self.gate.sum.load(Ordering::Relaxed), sum)?;
        Ok(elapsed)
    }
}

/// Until it is killed, or its process ends.
fn other_side<C: Once>(cells: &Cells<C>, gate: &Gate) -> ! {
    for race in 1.. {
        Gate::until_some_time(&gate.ready, race);
        Gate::say(&gate.there, race);
        Gate::until(&gate.started, race);
        gate.sum.store(cells.get_all(), Ordering::Relaxed);
        Gate::say(&gate.through, race);
    }
    unreachable!("a round has fewer races than there are numbers")
}

impl<C: Once> Session for Race<C> {
    fn batch(&mut self) -> Result<u64> {
        self.run()?;
        Ok(ROW as u64)
    }

    /// To empty the row is no part of the race, and is not timed.
    fn round(&mut self, length: Duration) -> Result<Sample> {
        let (begin, mut raced, mut cells) = (Instant::now(), Duration::ZERO, 0);
        while begin.elapsed() < length {
            raced += self.run()?;
            cells += ROW as u64;
        }
        Ok(Sample::timed(cells, raced))
    }
}

impl<C> Drop for Race<C> {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            // How it ended is of no interest now.
            let _ = signal::kill(child, Signal::SIGKILL);
            let _ = wait(child);
        }
    }
}

//! Two sides that want one lock at the same time, for as long as a round lasts. What counts is what both get done.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::locks::{self, Lock};
use crate::other::Other;
use crate::session::{Sample, Session, Setting};
use crate::sys;

/// Operations between two looks at the clock.
const CALLS: u64 = 64;

/// The first batch, which is only to show that both sides are there.
const FIRST: Duration = Duration::from_millis(1);

/// Where a round stands: phases count up, so that a side that comes late does not take one for another.
#[derive(Debug, Default)]
struct Gate {
    /// Rounds that the other side is ready for.
    ready: AtomicU32,
    /// Twice the rounds that have ended, and one more while one runs.
    phase: AtomicU32,
}

/// The phase while a round runs.
pub(crate) fn running(round: u32) -> u32 {
    2 * round - 1
}

/// The phase after it.
pub(crate) fn ended(round: u32) -> u32 {
    2 * round
}

#[derive(Debug)]
pub(crate) struct Pair<L: 'static> {
    lock: &'static L,
    gate: &'static Gate,
    round: u32,
    added: u64,
    /// A byte for each round.
    requests: PipeWriter,
    /// What the other side did in each round.
    counts: PipeReader,
    /// Ends with the pipe of requests, which is closed before, or is killed.
    _other: Other,
}

impl<L: Lock> Pair<L> {
    pub(crate) fn of_threads(lock: &'static L, setting: &Setting) -> Result<Self> {
        Self::with(lock, |side| Ok(Other::thread(setting, || side.run())))
    }

    pub(crate) fn of_processes(lock: &'static L) -> Result<Self> {
        Self::with(lock, |side| Other::process(|| side.run()))
    }

    fn with(lock: &'static L, start: impl FnOnce(Side<L>) -> Result<Other>) -> Result<Self> {
        let gate = sys::leak_shared(Gate::default())?;
        let (their_requests, requests) = pipe()?;
        let (counts, their_counts) = pipe()?;
        let other = start(Side { lock, gate, requests: their_requests, counts: their_counts })?;
        Ok(Self { lock, gate, round: 0, added: 0, requests, counts, _other: other })
    }

    /// Both at once, until `length` has passed here.
    fn contend(&mut self, length: Duration) -> Result<Sample> {
        self.round += 1;
        self.requests.write_all(&[1])?;
        // Relaxed here and there: the words order nothing but themselves; the numbers come by pipe and under the lock.
        while self.gate.ready.load(Ordering::Relaxed) != self.round {
            thread::yield_now();
        }
        self.gate.phase.store(running(self.round), Ordering::Relaxed);
        let begin = Instant::now();
        let mut done = 0;
        let elapsed = loop {
            locks::add(self.lock, CALLS);
            done += CALLS;
            let elapsed = begin.elapsed();
            if elapsed >= length {
                break elapsed;
            }
        };
        self.gate.phase.store(ended(self.round), Ordering::Relaxed);
        let mut theirs = [0; size_of::<u64>()];
        self.counts.read_exact(&mut theirs)?;
        done += u64::from_ne_bytes(theirs);
        self.added += done;
        self.lock.agrees(self.added)?;
        Ok(Sample::timed(done, elapsed))
    }
}

impl<L: Lock> Session for Pair<L> {
    fn batch(&mut self) -> Result<u64> {
        Ok(self.contend(FIRST)?.operations)
    }

    fn round(&mut self, length: Duration) -> Result<Sample> {
        self.contend(length)
    }
}

/// The side that is not measured by itself.
struct Side<L: 'static> {
    lock: &'static L,
    gate: &'static Gate,
    requests: PipeReader,
    counts: PipeWriter,
}

impl<L: Lock> Side<L> {
    /// Sleeps between rounds. Ends with the pipe of requests.
    fn run(mut self) {
        for round in 1.. {
            if self.requests.read_exact(&mut [0]).is_err() {
                break;
            }
            self.gate.ready.store(round, Ordering::Relaxed);
            while self.gate.phase.load(Ordering::Relaxed) < running(round) {
                thread::yield_now();
            }
            let mut done: u64 = 0;
            while self.gate.phase.load(Ordering::Relaxed) == running(round) {
                locks::add(self.lock, CALLS);
                done += CALLS;
            }
            if self.counts.write_all(&done.to_ne_bytes()).is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::peers::threads_only;
    use crate::placement::Placement;

    fn setting() -> Setting {
        Setting::new(Placement::Free, true).unwrap()
    }

    #[test]
    fn both_sides_count_in_every_round() {
        let lock = threads_only::std().unwrap();
        let mut pair = Pair::of_threads(lock, &setting()).unwrap();
        let done: u64 = (0..5).map(|_| pair.contend(FIRST).unwrap().operations).sum();
        drop(pair);
        assert_eq!(lock.number(), done);
    }

    /// Loses one operation of a thousand.
    #[derive(Default)]
    struct Leaky {
        calls: AtomicU64,
        number: AtomicU64,
    }

    impl Lock for Leaky {
        fn add_one(&self) {
            if self.calls.fetch_add(1, Ordering::Relaxed) % 1000 != 999 {
                self.number.fetch_add(1, Ordering::Relaxed);
            }
        }

        fn number(&self) -> u64 {
            self.number.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_lock_that_loses_an_operation_fails_its_round() {
        let mut pair = Pair::of_threads(Box::leak(Box::<Leaky>::default()), &setting()).unwrap();
        let ends = (0..1000).find_map(|_| pair.contend(FIRST).err());
        assert!(ends.is_some_and(|error| error.to_string().contains("is right")));
    }
}

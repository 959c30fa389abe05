//! Kills workers, starts their successors, and in the calm after it judges whether everybody gets on.
#![allow(clippy::disallowed_types)] // reads the workers' counts

use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use multiproc_testkit::fork::{Fork, fork, reap};

use crate::board::{Board, PLACES};
use crate::calm::{Calm, Deaths, Open};
use crate::random::Random;
use crate::scenario::Named;
use crate::tally::{Tally, Verdict};
use crate::{sys, worker};

/// How long the kernel may take to end a process that was killed.
const END: Duration = Duration::from_secs(20);

/// The longest pause between two kills.
const PAUSE: Duration = Duration::from_millis(6);

/// The most kills, one after the other or several at once, before a calm.
const KILLS: u64 = 6;

pub(crate) struct Supervisor {
    board: &'static Board,
    scenarios: Vec<Named>,
    /// By place; none where one was killed and has no successor yet.
    workers: [Option<Worker>; PLACES],
    random: Random,
    pub(crate) tallies: Vec<Tally>,
    pub(crate) kills: u64,
    /// Calms so far; the number of the last one.
    pub(crate) calms: u32,
    /// Those in which there was a wait that could not be judged.
    pub(crate) unjudged: u32,
}

/// A child that is not reaped yet.
struct Worker {
    fork: Fork,
    end: OwnedFd,
}

impl Supervisor {
    /// Starts a worker at each place.
    pub(crate) fn new(board: &'static Board, scenarios: Vec<Named>, seed: u64) -> Result<Self, String> {
        let tallies = vec![Tally::default(); scenarios.len()];
        let random = Random::new(seed);
        let workers = [const { None }; PLACES];
        let mut supervisor =
            Self { board, scenarios, workers, random, tallies, kills: 0, calms: 0, unjudged: 0 };
        for place in 0..PLACES {
            supervisor.start(place)?;
        }
        Ok(supervisor)
    }

    /// Kills and calms for `time`, until something is wrong: what does not hold is an error, stalls are in the tallies.
    pub(crate) fn run(&mut self, time: Duration, mut told: impl FnMut(&Self)) -> Result<(), String> {
        let end = Instant::now() + time;
        while Instant::now() < end && !self.has_stalled() {
            let deaths = self.kill_some()?;
            if self.has_stalled() {
                break;
            }
            self.await_all(&deaths)?;
            self.scenarios.iter().for_each(|named| named.scenario.maintain());
            told(self);
        }
        Ok(())
    }

    /// Kills them all, and looks whether what they leave is whole.
    pub(crate) fn end(mut self) -> (Self, Result<(), String>) {
        let left: Vec<usize> = (0..PLACES).filter(|place| self.workers[*place].is_some()).collect();
        let mut ended = self.kill(&left).map(drop);
        self.count();
        // After a stall the primitives are not to be touched.
        if ended.is_ok() && !self.has_stalled() {
            ended = self.check();
        }
        (self, ended)
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let named = self.scenarios.iter().zip(&self.tallies);
        named.map(|(named, tally)| tally.line(named.name).to_string())
    }

    pub(crate) fn stalls(&self) -> u64 {
        self.tallies.iter().map(|tally| tally.stalls).sum()
    }

    fn waits_not_judged(&self) -> u64 {
        self.tallies.iter().map(|tally| tally.unjudged).sum()
    }

    fn has_stalled(&self) -> bool {
        self.stalls() > 0
    }

    fn check(&self) -> Result<(), String> {
        let board = self.board;
        std::panic::set_hook(Box::new(move |panic| board.fail(&panic.to_string())));
        for (named, tally) in self.scenarios.iter().zip(&self.tallies) {
            let check = || named.scenario.check(tally.operations, self.kills);
            if catch_unwind(AssertUnwindSafe(check)).is_err() {
                let failure = self.board.failure().unwrap_or_default();
                return Err(format!("{} at the end: {failure}", named.name));
            }
        }
        Ok(())
    }

    /// Kills one after the other, or several at once; gives the last deaths.
    fn kill_some(&mut self) -> Result<Deaths, String> {
        let mut left = self.random.below(KILLS);
        loop {
            thread::sleep(self.random.time(PAUSE));
            let mut places: Vec<usize> = (0..PLACES).collect();
            let at_once = if self.random.one_in(4) { 2 + self.random.below(PLACES as u64 - 1) } else { 1 };
            while places.len() > at_once as usize {
                let spared = self.random.below(places.len() as u64);
                places.swap_remove(spared as usize);
            }
            let ended = self.kill(&places)?;
            let mut deaths = Deaths::seen(ended, self.board, self.scenarios.len(), self.pids());
            self.replace(&places, &mut deaths)?;
            match left {
                _ if self.has_stalled() => return Ok(deaths),
                0 => return Ok(deaths),
                _ => left -= 1,
            }
        }
    }

    /// Kills the workers at these places; gives when their descriptors said that they have ended.
    fn kill(&mut self, places: &[usize]) -> Result<u64, String> {
        let workers = &mut self.workers;
        for worker in places.iter().filter_map(|place| workers[*place].as_ref()) {
            sys::kill(worker.fork.pid().cast_signed());
            self.kills += 1;
        }
        for worker in places.iter().filter_map(|place| workers[*place].as_ref()) {
            if !sys::is_readable_within(&worker.end, END) {
                return Err(format!("a worker that was killed does not end within {END:?}"));
            }
        }
        let ended = sys::now();
        for place in places {
            if let Some(worker) = workers[*place].take() {
                reap(worker.fork);
            }
            for (number, tally) in self.tallies.iter_mut().enumerate() {
                let record = self.board.record(number, *place);
                tally.kills += u64::from(record.inside.swap(0, SeqCst));
                record.thread.store(0, SeqCst);
            }
        }
        match self.board.failure() {
            Some(failure) => Err(failure),
            None => Ok(ended),
        }
    }

    /// Mends what only who knows of the deaths can mend, and starts successors.
    fn replace(&mut self, places: &[usize], deaths: &mut Deaths) -> Result<(), String> {
        for place in places {
            for (number, (named, tally)) in self.scenarios.iter().zip(&mut self.tallies).enumerate() {
                let bury = || named.scenario.bury(*place);
                let (mended, wait) = deaths.use_one(self.board, number, bury);
                tally.recoveries += u64::from(mended);
                let verdict = wait.verdict();
                tally.take(wait, verdict);
                tell(verdict, named.name, || {
                    format!("the supervisor after the death at place {place}, {wait:?}")
                });
            }
        }
        if self.has_stalled() {
            return Ok(());
        }
        for place in places {
            self.start(*place)?;
        }
        Ok(())
    }

    fn start(&mut self, place: usize) -> Result<(), String> {
        let (board, scenarios, parent) = (self.board, &self.scenarios, std::process::id());
        let random = Random::new(self.random.next());
        let fork = fork(|| worker::work(board, scenarios, place, parent, random));
        let end = sys::end_of(fork.pid().cast_signed())
            .map_err(|error| format!("no descriptor of a worker: {error}"))?;
        self.workers[place] = Some(Worker { fork, end });
        Ok(())
    }

    /// Lets everybody end two operations: the one in which the deaths have left it, and one more.
    fn await_all(&mut self, deaths: &Deaths) -> Result<(), String> {
        self.calms += 1;
        let mut calm = Calm::begin(self.board, self.calms, deaths, self.pids());
        let all = (0..self.scenarios.len()).flat_map(|number| (0..PLACES).map(move |place| (number, place)));
        let mut open: Vec<Open> = all.map(|(scenario, place)| Open { scenario, place, late: 0 }).collect();
        let unjudged = self.waits_not_judged();
        while !open.is_empty() && !self.has_stalled() {
            calm.look(&open);
            if let Some(failure) = self.board.failure() {
                return Err(failure);
            }
            let (scenarios, tallies) = (&self.scenarios, &mut self.tallies);
            open.retain_mut(|open| {
                let Some((wait, verdict)) = calm.judge(open) else { return true };
                tallies[open.scenario].take(wait, verdict);
                tell(verdict, scenarios[open.scenario].name, || format!("{}, {wait:?}", calm.state_of(open)));
                false
            });
        }
        self.unjudged += u32::from(self.waits_not_judged() > unjudged);
        self.board.end_calm();
        self.count();
        Ok(())
    }

    fn pids(&self) -> [i32; PLACES] {
        self.workers
            .each_ref()
            .map(|worker| worker.as_ref().map_or(0, |worker| worker.fork.pid().cast_signed()))
    }

    /// Takes the workers' counts over.
    fn count(&mut self) {
        for (number, tally) in self.tallies.iter_mut().enumerate() {
            let records = (0..PLACES).map(|place| self.board.record(number, place));
            tally.operations = 0;
            for record in records {
                tally.operations += record.operations.load(SeqCst);
                tally.recoveries += record.recoveries.swap(0, SeqCst);
            }
        }
    }
}

/// Says on standard error what was not as it should be.
fn tell(verdict: Verdict, name: &str, about: impl FnOnce() -> String) {
    match verdict {
        Verdict::GotOn => {}
        Verdict::Unjudged => eprintln!("not judged, the machine paused: {name}, {}", about()),
        Verdict::Stalls => eprintln!("stall: {name}, {}", about()),
    }
}

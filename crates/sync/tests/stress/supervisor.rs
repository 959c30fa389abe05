//! Kills workers, starts their successors, and in the calm after it judges whether everybody gets on.
#![allow(clippy::disallowed_types)] // reads the workers' counts

use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use multiproc_testkit::fork::{fork, reap};
use multiproc_testkit::state_of;

use crate::board::{Board, PLACES};
use crate::queue::Queued;
use crate::random::Random;
use crate::scenario::Named;
use crate::tally::{Tally, Wait};
use crate::{sys, worker};

/// The longest that an operation may take after a death, in nanoseconds: a heartbeat, and some more.
const LIMIT: u64 = 1_200_000_000;

/// The longest that the machine's load excuses anything, in nanoseconds.
const EXCUSED: u64 = 20_000_000_000;

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
}

/// A child that is not reaped yet.
struct Worker {
    pid: i32,
    end: OwnedFd,
}

impl Supervisor {
    /// Starts a worker at each place.
    pub(crate) fn new(board: &'static Board, scenarios: Vec<Named>, seed: u64) -> Result<Self, String> {
        let tallies = vec![Tally::default(); scenarios.len()];
        let random = Random::new(seed);
        let workers = [const { None }; PLACES];
        let mut supervisor = Self { board, scenarios, workers, random, tallies, kills: 0, calms: 0 };
        for place in 0..PLACES {
            supervisor.start(place)?;
        }
        Ok(supervisor)
    }

    /// Kills and calms for `time`, until something is wrong: what does not hold is an error, stalls are in the tallies.
    pub(crate) fn run(&mut self, time: Duration, mut told: impl FnMut(&Self)) -> Result<(), String> {
        let end = Instant::now() + time;
        while Instant::now() < end && !self.has_stalled() {
            let killed = self.kill_some()?;
            self.judge(killed)?;
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

    /// Kills one after the other, or several at once; gives when the last of them was seen to have ended.
    fn kill_some(&mut self) -> Result<u64, String> {
        let mut ended = sys::now();
        for _ in 0..=self.random.below(KILLS) {
            thread::sleep(self.random.time(PAUSE));
            let mut places: Vec<usize> = (0..PLACES).collect();
            let at_once = if self.random.one_in(4) { 2 + self.random.below(PLACES as u64 - 1) } else { 1 };
            while places.len() > at_once as usize {
                let spared = self.random.below(places.len() as u64);
                places.swap_remove(spared as usize);
            }
            ended = self.kill(&places)?;
            self.replace(&places)?;
        }
        Ok(ended)
    }

    /// Kills the workers at these places; gives when their descriptors said that they have ended.
    fn kill(&mut self, places: &[usize]) -> Result<u64, String> {
        let workers = &mut self.workers;
        for worker in places.iter().filter_map(|place| workers[*place].as_ref()) {
            sys::kill(worker.pid);
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
                reap(worker.pid);
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
    fn replace(&mut self, places: &[usize]) -> Result<(), String> {
        for place in places {
            for (named, tally) in self.scenarios.iter().zip(&mut self.tallies) {
                tally.recoveries += u64::from(named.scenario.bury(*place));
            }
        }
        for place in places {
            self.start(*place)?;
        }
        Ok(())
    }

    fn start(&mut self, place: usize) -> Result<(), String> {
        let (board, scenarios, parent) = (self.board, &self.scenarios, std::process::id());
        let random = Random::new(self.random.next());
        let pid = fork(|| worker::work(board, scenarios, place, parent, random));
        let end = sys::end_of(pid).map_err(|error| format!("no descriptor of a worker: {error}"))?;
        self.workers[place] = Some(Worker { pid, end });
        Ok(())
    }

    /// Lets everybody end two operations, the one in which the deaths `since` then may have left it, and one more. Who takes longer
    /// than the limit for one, without the time for which those at the same primitive stood in the queue of a core, stalls.
    fn judge(&mut self, since: u64) -> Result<(), String> {
        self.calms += 1;
        let pids = self.workers.each_ref().map(|worker| worker.as_ref().map_or(0, |worker| worker.pid));
        let board = self.board;
        let then: Vec<Queued> =
            (0..self.scenarios.len()).map(|number| Queued::now(board, number, &pids)).collect();
        board.begin_calm(self.calms);
        let mut open: Vec<(usize, usize)> = (0..self.scenarios.len())
            .flat_map(|number| (0..PLACES).map(move |place| (number, place)))
            .collect();
        while !open.is_empty() {
            thread::sleep(Duration::from_micros(200));
            if let Some(failure) = board.failure() {
                return Err(failure);
            }
            let mut stalled = None;
            open.retain(|&(number, place)| {
                let mut ends = board.record(number, place).answers(self.calms);
                let answered = ends.len() == 2;
                if !answered {
                    ends.push(sys::now());
                }
                let gross = longest(since, &ends);
                let tally = &mut self.tallies[number];
                // What takes far less than the limit is not worth a look at the queues.
                let queued =
                    if gross > LIMIT / 4 { Queued::now(board, number, &pids).since(then[number]) } else { 0 };
                let wait = Wait::new(gross, queued);
                if answered {
                    tally.worst = tally.worst.max(wait);
                }
                if wait.blamed > LIMIT || gross > EXCUSED {
                    tally.worst = tally.worst.max(wait);
                    tally.stalls += 1;
                    stalled = Some((number, place));
                }
                !answered
            });
            if let Some((number, place)) = stalled {
                self.tell_of(number, place);
                break;
            }
        }
        board.end_calm();
        self.count();
        Ok(())
    }

    /// Says on the standard error who has stalled, and what it was about.
    fn tell_of(&self, number: usize, place: usize) {
        let name = self.scenarios[number].name;
        let thread = self.board.record(number, place).thread.load(SeqCst);
        let inside = self.board.record(number, place).inside.load(SeqCst) == 1;
        let state = state_of(thread).unwrap_or('?');
        eprintln!("stall: {name}, thread {thread} at place {place}, inside: {inside}, state {state}");
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

/// The longest time between two of these, the first being `since`.
fn longest(since: u64, ends: &[u64]) -> u64 {
    let begins = std::iter::once(&since).chain(ends);
    begins.zip(ends).map(|(begin, end)| end.saturating_sub(*begin)).max().unwrap_or(0)
}

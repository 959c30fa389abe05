//! All kill points of a scenario, one after the other, and what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use super::Label;
use super::board::{Board, OUTCOMES, PARTS};
use super::point::{Share, Target, Visit};
use super::scenario::Scenario;
use super::stage::play;
use crate::sys::futex;
use crate::sys::trace::{self, Change};

/// Longest time for one kill point in which no step is taken: on a busy machine a long recording takes longer than this.
const LIMIT: Duration = Duration::from_secs(30);

/// How often the operation is recorded at most, until the victim comes to where the kill points begin.
const RECORDINGS: usize = 20;

/// How many recordings are compared: the shortest counts. On a busy machine the others get in the victim's way at another moment, and the
/// steps of such a way are not come to again.
const COMPARED: usize = 3;

/// A recording that took longer is not made again.
const QUICK: Duration = Duration::from_secs(2);

/// How long the program sleeps between two looks at a stage that has not played yet.
const LOOK: Duration = Duration::from_millis(1);

/// What the kill points of one scenario came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// How often the victim was killed, the end of its operation being one point.
    pub points: usize,
    /// At how many different instructions.
    pub addresses: usize,
    /// Instructions of the whole operation, once.
    pub steps: usize,
    /// Kills in a sleep.
    pub sleeps: usize,
    /// Points to which the victim did not come at full speed, and was stepped.
    pub stepped: usize,
    /// Points to which it did not come, and which are not counted above: it was killed at its end instead.
    pub missed: usize,
    /// By the names that the scenario lists.
    pub outcomes: Vec<(&'static str, u32)>,
    /// Kills at the entry of a function with a label.
    pub hits: BTreeMap<&'static str, usize>,
    /// A sentence for each point that failed.
    pub failures: Vec<String>,
    /// Wall time.
    pub seconds: f64,
}

/// A point that was played.
struct Played {
    ended: bool,
    address: usize,
    steps: usize,
    outcome: Result<(), String>,
}

impl<T> Scenario<T> {
    /// Kills the victim at every point, each in a fresh scene; `told` hears of failures as they come.
    ///
    /// # Panics
    ///
    /// If this process has other threads, or too many peers or outcomes are listed.
    pub fn run(&self, labels: &[Label], told: impl FnMut(&str)) -> Summary {
        self.run_until(usize::MAX, labels, told)
    }

    /// As [`run`](Self::run), until so many points have failed.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn run_until(&self, failures: usize, labels: &[Label], told: impl FnMut(&str)) -> Summary {
        self.run_share(Share::ALL, failures, labels, told)
    }

    /// As [`run_until`](Self::run_until), a share of the kill points; the end is in each.
    pub(super) fn run_share(
        &self,
        share: Share,
        failures: usize,
        labels: &[Label],
        mut told: impl FnMut(&str),
    ) -> Summary {
        let told = &mut told;
        assert!(self.peers.len() < PARTS, "{}: at most {} peers", self.name, PARTS - 1);
        assert!(self.outcomes.len() <= OUTCOMES, "{}: at most {OUTCOMES} outcomes", self.name);
        let begin = Instant::now();
        let mut summary =
            Summary { outcomes: self.outcomes.iter().map(|name| (*name, 0)).collect(), ..Summary::default() };
        (self.prepare)();
        let mut addresses = BTreeSet::new();
        let board = Board::new();
        for target in self.points(board, labels, &mut summary, told) {
            if matches!(target, Target::Visit(visit) if !share.takes(&visit, summary.steps, labels)) {
                continue;
            }
            if summary.failures.len() >= failures {
                break;
            }
            let mut played = self.play(board, labels, target);
            let mut missed = false;
            // Where it went another way at full speed, it is stepped.
            if let (true, Target::Visit(visit)) = (played.ended, target) {
                if visit.is_worth_steps() {
                    summary.stepped += 1;
                    played = self.play(board, labels, Target::Position(visit.position));
                }
                missed = played.ended;
            }
            for (outcome, count) in summary.outcomes.iter_mut().zip(&board.counts) {
                outcome.1 += count.load(SeqCst);
            }
            summary.points += usize::from(!missed);
            summary.missed += usize::from(missed);
            summary.sleeps += usize::from(board.asleep.load(SeqCst) == 1);
            addresses.insert(played.address);
            if let Some(label) = labels.iter().find(|label| label.1 == played.address) {
                *summary.hits.entry(label.0).or_default() += 1;
            }
            if let Err(failure) = played.outcome {
                let place = place(played.address, labels);
                let (name, steps) = (&self.name, played.steps);
                summary.fail(format!("{name}: killed after {steps} steps, at {place}: {failure}"), told);
            }
        }
        summary.addresses = addresses.len();
        for label in &self.must_hit {
            if summary.hits.contains_key(label) || summary.failures.len() >= failures {
                continue;
            }
            let failure = format!("{}: no kill point in `{label}`, which it was made for", self.name);
            summary.fail(failure, told);
        }
        summary.seconds = begin.elapsed().as_secs_f64();
        summary
    }

    /// Records the operation, and gives the points where it is to be killed.
    fn points(
        &self,
        board: &'static Board,
        labels: &[Label],
        summary: &mut Summary,
        told: &mut dyn FnMut(&str),
    ) -> Vec<Target> {
        let mut shortest: Option<(usize, Vec<Visit>)> = None;
        let mut compared = 0;
        // On a busy machine a deadline may pass before the victim has fallen asleep.
        for _ in 0..RECORDINGS {
            let begin = Instant::now();
            let played = self.play(board, labels, Target::Record);
            if let Err(failure) = played.outcome {
                summary.fail(format!("{}: the recording: {failure}", self.name), told);
                break;
            }
            if board.started.load(SeqCst) == 0 {
                continue;
            }
            if shortest.as_ref().is_none_or(|(steps, _)| played.steps < *steps) {
                shortest = Some((played.steps, board.recorded()));
            }
            compared += 1;
            if compared == COMPARED || begin.elapsed() > QUICK {
                break;
            }
        }
        if shortest.is_none() && summary.failures.is_empty() {
            let missed = "the victim did not fall asleep, and so was to be killed nowhere";
            summary.fail(format!("{}: the recording: {missed}", self.name), told);
        }
        let (steps, visits) = shortest.unwrap_or_default();
        summary.steps = steps;
        visits.into_iter().map(Target::Visit).chain([Target::End]).collect()
    }

    /// Plays one point in a process of its own.
    fn play(&self, board: &'static Board, labels: &[Label], target: Target) -> Played {
        board.clear();
        let outcome = self.play_apart(board, labels, target);
        Played {
            ended: board.ended.load(SeqCst) == 1,
            address: board.address.load(SeqCst),
            steps: board.steps.load(SeqCst),
            outcome,
        }
    }

    fn play_apart(&self, board: &'static Board, labels: &[Label], target: Target) -> Result<(), String> {
        let stage = trace::fork(|| {
            std::panic::set_hook(Box::new(|panic| board.failure.write(&panic.to_string())));
            let play = || play(self, labels, target, board);
            if let Ok(Err(failure)) = std::panic::catch_unwind(std::panic::AssertUnwindSafe(play)) {
                board.failure.write(&failure);
            }
            board.played.store(1, SeqCst);
            futex::wake_all(&board.played);
        });
        let stage = stage.map_err(|error| format!("cannot fork: {error}"))?;
        await_stage(stage, board)?;
        match board.failure.read() {
            Some(failure) => Err(failure),
            None if board.played.load(SeqCst) == 0 => Err("the stage ended early".to_string()),
            None => Ok(()),
        }
    }
}

/// Waits for the end of a stage; its cast ends with it.
fn await_stage(stage: Pid, board: &Board) -> Result<(), String> {
    let mut stirred = (Instant::now(), 0);
    loop {
        futex::wait(&board.played, 0, LOOK);
        let steps = board.steps.load(SeqCst);
        if steps != stirred.1 {
            stirred = (Instant::now(), steps);
        }
        // One that has played does nothing but end; one that is killed never says so.
        let played = board.played.load(SeqCst) == 1;
        match trace::change(stage, played) {
            Ok(Change::Exited(0)) => return Ok(()),
            Ok(Change::None) if stirred.0.elapsed() > LIMIT => {
                // It exists until it is reaped here.
                let _ = signal::kill(stage, Signal::SIGKILL);
                let _ = trace::change(stage, true);
                return Err(format!(
                    "the stage neither stepped nor ended within {LIMIT:?}, after {steps} steps"
                ));
            }
            Ok(Change::None | Change::Stopped(_)) => {}
            Ok(change) => return Err(format!("the stage ended: {change:?}")),
            Err(error) => return Err(format!("cannot wait for the stage: {error}")),
        }
    }
}

impl Summary {
    fn fail(&mut self, failure: String, told: &mut dyn FnMut(&str)) {
        told(&failure);
        self.failures.push(failure);
    }
}

/// One line: what the chore `fault` reads.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { points, addresses, steps, sleeps, stepped, missed, seconds, .. } = self;
        write!(
            f,
            "points={points} addresses={addresses} steps={steps} sleeps={sleeps} stepped={stepped} missed={missed}"
        )?;
        let outcomes = self.outcomes.iter().filter(|(_, count)| *count > 0);
        write!(f, " outcomes={}", list(outcomes.map(|(name, count)| (*name, *count as usize))))?;
        write!(f, " hits={}", list(self.hits.iter().map(|(name, count)| (*name, *count))))?;
        write!(f, " failed={} seconds={seconds:.1}", self.failures.len())
    }
}

/// `name:count,…`, or `-`.
fn list<'n>(counts: impl Iterator<Item = (&'n str, usize)>) -> String {
    let counts: Vec<String> = counts.map(|(name, count)| format!("{name}:{count}")).collect();
    if counts.is_empty() { "-".to_string() } else { counts.join(",") }
}

/// Where `address` lies in the program, beside which label.
fn place(address: usize, labels: &[Label]) -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut base = None;
    for line in maps.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some((start, end)) = words[0].split_once('-') else { continue };
        let number = |text| usize::from_str_radix(text, 16).unwrap_or(0);
        let file = words.get(5).copied().unwrap_or("?");
        // The first mapping of a file is where its image begins.
        if base.is_none_or(|(_, name)| name != file) {
            base = Some((number(start), file));
        }
        if (number(start)..number(end)).contains(&address)
            && let Some((start, file)) = base
        {
            let name = file.rsplit('/').next().unwrap_or(file);
            let nearest = labels.iter().filter(|label| label.1 <= address).max_by_key(|label| label.1);
            let beside = nearest.filter(|label| address - label.1 < 4096);
            let beside =
                beside.map(|(name, at)| format!(" ({name}+{:#x})", address - at)).unwrap_or_default();
            return format!("{name}+{:#x}{beside}", address - start);
        }
    }
    format!("{address:#x}")
}

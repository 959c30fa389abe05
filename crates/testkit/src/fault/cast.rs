//! The processes beside the victim: started, cued, watched until they are quiet, and found hanging.

use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use nix::sched::CpuSet;
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use super::board::Board;
use super::scenario::Fate;
use super::{Cue, Part};
use crate::state_of;
use crate::sys::futex;
use crate::sys::trace::{self, Change};

/// Longest wait for processes that stir but get nowhere.
const LIMIT: Duration = Duration::from_secs(8);

/// How long the stage sleeps between two looks, if nobody rings.
const LOOK: Duration = Duration::from_micros(50);

/// After so long without a stir, one will hardly come before a heartbeat or a deadline does: looks cost time that others need.
const STILL: Duration = Duration::from_millis(2);

/// The same, from then on.
const SELDOM: Duration = Duration::from_millis(1);

struct Actor {
    name: &'static str,
    fate: Fate,
    pid: Pid,
    place: usize,
    /// Ended and waited for.
    reaped: bool,
}

pub(super) struct Cast {
    board: &'static Board,
    outcomes: &'static [&'static str],
    processors: CpuSet,
    actors: Vec<Actor>,
}

impl Cast {
    /// `processors`: where the actors may run, other than the stage, which shares one with the victim.
    pub(super) fn new(board: &'static Board, outcomes: &'static [&'static str], processors: CpuSet) -> Self {
        Self { board, outcomes, processors, actors: Vec::new() }
    }

    /// Starts a process that runs `act`.
    pub(super) fn add(
        &mut self,
        name: &'static str,
        fate: Fate,
        act: impl FnOnce(&Part),
    ) -> Result<(), String> {
        let place = self.actors.len();
        let part = Part { board: self.board, place: Some(place), outcomes: self.outcomes };
        let processors = self.processors;
        let pid = trace::fork(|| {
            // Where it runs only makes a difference of speed.
            let _ = trace::run_on(&processors);
            part.run(act);
        });
        let pid = pid.map_err(|error| format!("cannot fork {name}: {error}"))?;
        self.actors.push(Actor { name, fate, pid, place, reaped: false });
        Ok(())
    }

    /// Gives a cue, and waits until everybody is quiet after it.
    pub(super) fn cue(&mut self, cue: Cue) -> Result<(), String> {
        if self.board.given.fetch_or(cue as u32, SeqCst) & cue as u32 != 0 {
            return Ok(());
        }
        futex::wake_all(&self.board.given);
        let begin = Instant::now();
        // Somebody looked at first may have been woken by somebody looked at later, who is quiet by then: twice.
        let mut quiet_before = false;
        loop {
            self.check()?;
            let bell = self.board.bell.load(SeqCst);
            let quiet = self.actors.iter().all(|actor| self.is_quiet(actor));
            if quiet && quiet_before {
                return Ok(());
            }
            if begin.elapsed() > LIMIT {
                return Err(format!(
                    "after {cue:?} {} not quiet within {LIMIT:?}",
                    self.names(|a| !self.is_quiet(a))
                ));
            }
            if !quiet {
                futex::wait(&self.board.bell, bell, LOOK);
            }
            quiet_before = quiet;
        }
    }

    /// Waits until every survivor has come to `cue`, or to its end if it is None.
    pub(super) fn settle(&mut self, cue: Option<Cue>, patience: Duration) -> Result<(), String> {
        let begin = Instant::now();
        let mut still = (begin, u64::MAX);
        loop {
            self.check()?;
            let bell = self.board.bell.load(SeqCst);
            let late = |actor: &Actor| actor.fate == Fate::Survives && !self.has_settled(actor, cue);
            if !self.actors.iter().any(&late) {
                return Ok(());
            }
            // Only if all who are late sleep on, nobody is about to wake them: a slow machine shows them running.
            let asleep = self.actors.iter().filter(|actor| late(actor)).all(|actor| sleeps(actor.pid));
            let switches: u64 = self.actors.iter().map(|actor| switches(actor.pid)).sum();
            if !asleep || switches != still.1 {
                still = (Instant::now(), switches);
            } else if still.0.elapsed() > patience {
                return Err(format!("{} asleep for good, and nobody holds anything", self.names(late)));
            }
            if begin.elapsed() > LIMIT {
                return Err(format!("{} not through within {LIMIT:?}", self.names(late)));
            }
            let look = if still.0.elapsed() < STILL { 4 * LOOK } else { SELDOM };
            futex::wait(&self.board.bell, bell, look);
        }
    }

    /// Kills and reaps those who die with the victim.
    pub(super) fn kill_doomed(&mut self) {
        for actor in self.actors.iter_mut().filter(|actor| actor.fate == Fate::Doomed) {
            actor.kill();
        }
    }

    /// Kills and reaps everybody who is left.
    pub(super) fn end(&mut self) {
        self.actors.iter_mut().for_each(Actor::kill);
    }

    /// The first failure of an actor; one that ended without saying so has failed.
    fn check(&mut self) -> Result<(), String> {
        for actor in &mut self.actors {
            let place = &self.board.places[actor.place];
            if let Some(failure) = place.failure.read() {
                return Err(format!("{}: {failure}", actor.name));
            }
            if !actor.reaped
                && let Ok(change @ (Change::Exited(_) | Change::Killed(_))) = trace::change(actor.pid, false)
            {
                actor.reaped = true;
                if place.done.load(SeqCst) == 0 {
                    return Err(format!("{} ended: {change:?}", actor.name));
                }
            }
        }
        Ok(())
    }

    /// At a cue that is not given, asleep, or done.
    fn is_quiet(&self, actor: &Actor) -> bool {
        let waits_for = self.board.places[actor.place].waits_for.load(SeqCst);
        let at_cue = waits_for != 0 && waits_for & self.board.given.load(SeqCst) == 0;
        actor.reaped || at_cue || (waits_for == 0 && sleeps(actor.pid))
    }

    fn has_settled(&self, actor: &Actor, cue: Option<Cue>) -> bool {
        let at_cue =
            cue.is_some_and(|cue| self.board.places[actor.place].waits_for.load(SeqCst) == cue as u32);
        actor.reaped || at_cue
    }

    fn names(&self, which: impl Fn(&Actor) -> bool) -> String {
        let mut names = String::new();
        for actor in self.actors.iter().filter(|actor| which(actor)) {
            let comma = if names.is_empty() { "" } else { ", " };
            let state = state_of(actor.pid.as_raw().cast_unsigned()).unwrap_or('-');
            let _ = write!(names, "{comma}{} ({state})", actor.name); // a String takes everything
        }
        names
    }
}

impl Actor {
    fn kill(&mut self) {
        if !self.reaped {
            // It may have ended by itself.
            let _ = signal::kill(self.pid, Signal::SIGKILL);
            let _ = trace::change(self.pid, true);
            self.reaped = true;
        }
    }
}

/// Whether the process is asleep in the kernel.
pub(super) fn sleeps(pid: Pid) -> bool {
    state_of(pid.as_raw().cast_unsigned()) == Some('S')
}

/// How often the process went to sleep so far; one that is gone never does again.
pub(super) fn switches(pid: Pid) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let count =
        status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok());
    count.unwrap_or(0)
}

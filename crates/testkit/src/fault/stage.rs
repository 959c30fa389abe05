//! One kill point, played in a process of its own: the cast is started, the victim stepped and killed, the survivors
//! judged.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use super::board::Board;
use super::cast::Cast;
use super::point::{Record, SLEEP, Target, Visit};
use super::scenario::{Fate, Scenario, Scene, Start};
use super::victim::{Step, Victim};
use super::{Cue, Label, Part};
use crate::sys::trace;

/// The longest that nobody may stir where all live: shorter than any heartbeat, which only deaths give a reason to wait for.
const NOBODY_HAS_DIED: Duration = Duration::from_millis(400);

/// Plays the scenario up to the judgement, on this process's own board.
pub(super) fn play<T>(
    scenario: &Scenario<T>,
    labels: &[Label],
    target: Target,
    board: &'static Board,
) -> Result<(), String> {
    let setup = |error| format!("cannot choose a processor: {error}");
    let processors = trace::processors().map_err(setup)?;
    // On one processor a step is two switches; on two it would be two wake-ups of idle ones.
    trace::run_on(&trace::this_processor().map_err(setup)?).map_err(setup)?;
    let scene = (scenario.scene)();
    let mut cast = Cast::new(board, scenario.outcomes, processors);
    let outcome = Stage { scenario, labels, target, board, scene: &scene, cast: &mut cast }.play();
    cast.end();
    outcome
}

/// Where the victim was when it had come as far as it was to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Here {
    AtTarget,
    AtEnd,
}

struct Stage<'s, T: 'static> {
    scenario: &'s Scenario<T>,
    labels: &'s [Label],
    target: Target,
    board: &'static Board,
    scene: &'s Scene<T>,
    cast: &'s mut Cast,
}

impl<T> Stage<'_, T> {
    fn play(&mut self) -> Result<(), String> {
        let shared = self.scene.shared;
        for peer in &self.scenario.peers {
            self.cast.add(peer.name, peer.fate, |part| (peer.act)(shared, part))?;
        }
        self.cast.cue(Cue::Hold)?;
        let part = Part { board: self.board, place: None, outcomes: self.scenario.outcomes };
        let mut victim = Victim::start(part, |part| (self.scenario.victim)(shared, part))?;
        let outcome = self.cast.cue(Cue::Begun).and_then(|()| self.run(&mut victim));
        let outcome = outcome.and_then(|()| self.cast.cue(Cue::Stopped));
        self.cast.kill_doomed();
        victim.kill();
        outcome?;
        self.judge()
    }

    /// Lets the victim come to the target, or to its end.
    fn run(&mut self, victim: &mut Victim) -> Result<(), String> {
        let outcome = match self.target {
            Target::Record => {
                let mut record = Record::new(self.scene, self.labels);
                let outcome = self.step(victim, usize::MAX, Some(&mut record));
                self.board.record(&record.points());
                outcome
            }
            Target::Position(position) => self.step(victim, position, None),
            Target::Visit(visit) => self.run_to(victim, visit),
            Target::End => self.run_to(victim, Visit { sleeps: usize::MAX, ..Visit::from([0; 5]) }),
        };
        self.board.address.store(victim.address, SeqCst);
        self.board.ended.store(u32::from(outcome? == Here::AtEnd), SeqCst);
        Ok(())
    }

    /// Lets it come to where the kill points begin: at full speed, as a deadline may run.
    fn start(&mut self, victim: &mut Victim) -> Result<Step, String> {
        let step = match self.scenario.start {
            Start::Begin => Step::Stopped,
            Start::Sleep => victim.go_to_sleep()?,
        };
        self.board.started.store(u32::from(step != Step::Ended), SeqCst);
        Ok(step)
    }

    /// Steps it to a position, instruction by instruction.
    fn step(
        &mut self,
        victim: &mut Victim,
        target: usize,
        mut record: Option<&mut Record<'_>>,
    ) -> Result<Here, String> {
        let (mut step, mut entered) = (self.start(victim)?, false);
        for position in 0..=target {
            self.board.steps.store(position, SeqCst);
            if victim.is_over() || step == Step::Ended {
                return Ok(Here::AtEnd);
            }
            let asleep = step == Step::Asleep;
            if let Some(record) = &mut record {
                record.come(victim.address, asleep, entered);
            }
            if position == target {
                self.board.asleep.store(u32::from(asleep), SeqCst);
                break;
            }
            entered = victim.at_kernel;
            step = if asleep { self.wake(victim)? } else { victim.step()? };
        }
        Ok(Here::AtTarget)
    }

    /// Lets it run to a visit, which a trap waits for.
    fn run_to(&mut self, victim: &mut Victim, target: Visit) -> Result<Here, String> {
        let (mut step, mut sleeps, mut visits) = (Step::Stopped, 0, 0);
        self.board.steps.store(target.position, SeqCst);
        loop {
            let may_come = sleeps == target.sleeps && target.address != SLEEP;
            match step {
                Step::Ended => return Ok(Here::AtEnd),
                Step::Asleep => {
                    if target.address == SLEEP && sleeps == target.sleeps {
                        self.board.asleep.store(1, SeqCst);
                        return Ok(Here::AtTarget);
                    }
                    sleeps += 1;
                    visits = 0;
                    if sleeps == target.sleeps && target.address != SLEEP {
                        victim.trap(target.address)?;
                    }
                    step = self.wake(victim)?;
                }
                Step::Stopped if may_come && victim.address == target.address => {
                    if visits == target.nth {
                        return Ok(Here::AtTarget);
                    }
                    visits += 1;
                    step = victim.step()?;
                }
                Step::Stopped => {
                    if may_come {
                        victim.trap(target.address)?;
                    }
                    step = victim.go()?;
                }
            }
        }
    }

    /// The victim sleeps: the others queue up behind it, and release what it waits for.
    fn wake(&mut self, victim: &mut Victim) -> Result<Step, String> {
        self.cast.cue(Cue::Asleep)?;
        self.cast.cue(Cue::Release)?;
        victim.wake()
    }

    /// What must hold after the kill.
    fn judge(&mut self) -> Result<(), String> {
        let shared = self.scene.shared;
        for cue in [Cue::Killed, Cue::Asleep, Cue::Release] {
            self.cast.cue(cue)?;
        }
        self.cast.settle(Some(Cue::Laps), self.patience())?;
        self.cast.add("newcomer", Fate::Survives, |part| (self.scenario.newcomer)(shared, part))?;
        self.cast.cue(Cue::Laps)?;
        self.cast.settle(None, self.patience())
    }

    /// Whoever is killed after the end of its operation does not die in it.
    fn patience(&self) -> Duration {
        let all_live = self.scenario.peers.iter().all(|peer| peer.fate == Fate::Survives);
        let longest = self.scenario.patience;
        if all_live && self.board.ended.load(SeqCst) == 1 { longest.min(NOBODY_HAS_DIED) } else { longest }
    }
}

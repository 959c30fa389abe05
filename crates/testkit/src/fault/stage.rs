//! One kill point, played in a process of its own: the cast is started, the victim stepped and killed, the survivors
//! judged.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::SeqCst;

use super::board::{Board, RECORDED};
use super::cast::Cast;
use super::memory::Watch;
use super::scenario::{Fate, Scenario, Scene, Start};
use super::victim::{Step, Victim};
use super::{Cue, Label, Part};
use crate::sys::trace;

/// Where the victim is to be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// Nowhere: the instructions that matter are written down.
    Record,
    /// After so many steps; a sleep is one more.
    Position(usize),
    /// Before the instruction at this address is executed, when that has been done so many times.
    Address(usize, usize),
    /// In the sleep that comes after so many others.
    Sleep(usize),
}

/// Stands for an address in a recording: a sleep.
pub(super) const SLEEP: usize = usize::MAX;

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

    /// Steps the victim up to the target or its end.
    fn run(&mut self, victim: &mut Victim) -> Result<(), String> {
        let mut record = (self.target == Target::Record).then(|| Record::new(self.scene, self.labels));
        let mut visits = BTreeMap::<usize, usize>::new();
        let (mut position, mut steps, mut sleeps) = (0, 0, 0);
        let mut asleep = self.scenario.start == Start::Sleep;
        if asleep {
            victim.run_to_sleep()?;
        }
        loop {
            self.board.address.store(victim.address, SeqCst);
            self.board.steps.store(steps, SeqCst);
            if victim.is_over() {
                self.board.ended.store(1, SeqCst);
                break;
            }
            let visit = *visits.get(&victim.address).unwrap_or(&0);
            let here = match self.target {
                Target::Record => false,
                Target::Position(target) => target == position,
                Target::Address(address, nth) => !asleep && (address, nth) == (victim.address, visit),
                Target::Sleep(nth) => asleep && nth == sleeps,
            };
            if here {
                self.board.asleep.store(u32::from(asleep), SeqCst);
                break;
            }
            position += 1;
            if asleep {
                if let Some(record) = &mut record {
                    record.add(SLEEP, sleeps);
                }
                sleeps += 1;
                self.cast.cue(Cue::Asleep)?;
                self.cast.cue(Cue::Release)?;
                asleep = victim.wake()? == Step::Asleep;
                continue;
            }
            visits.insert(victim.address, visit + 1);
            let (before, at_kernel) = (victim.address, victim.at_kernel);
            asleep = victim.step()? == Step::Asleep;
            steps += 1;
            if let Some(record) = &mut record {
                let after = (victim.address, *visits.get(&victim.address).unwrap_or(&0));
                record.stepped((before, visit), after, at_kernel);
            }
        }
        if let Some(record) = record {
            record.publish(self.board);
        }
        Ok(())
    }

    /// What must hold after the kill.
    fn judge(&mut self) -> Result<(), String> {
        let shared = self.scene.shared;
        for cue in [Cue::Killed, Cue::Asleep, Cue::Release] {
            self.cast.cue(cue)?;
        }
        self.cast.settle(Some(Cue::Laps), self.scenario.patience)?;
        self.cast.add("newcomer", Fate::Survives, |part| (self.scenario.newcomer)(shared, part))?;
        self.cast.cue(Cue::Laps)?;
        self.cast.settle(None, self.scenario.patience)
    }
}

/// The instructions of a run that store to shared memory, enter the kernel, or begin a function with a label.
struct Record<'s> {
    watch: Watch,
    labels: &'s [Label],
    points: Vec<(usize, usize)>,
}

impl<'s> Record<'s> {
    fn new<T>(scene: &Scene<T>, labels: &'s [Label]) -> Self {
        Self { watch: Watch::new(&scene.watched), labels, points: Vec::new() }
    }

    fn stepped(&mut self, before: (usize, usize), after: (usize, usize), at_kernel: bool) {
        let stores = self.watch.changed();
        if self.labels.iter().any(|label| label.1 == before.0) {
            self.add(before.0, before.1);
        }
        if stores || at_kernel {
            self.add(before.0, before.1);
            self.add(after.0, after.1);
        }
    }

    fn add(&mut self, address: usize, nth: usize) {
        if self.points.last() != Some(&(address, nth)) {
            self.points.push((address, nth));
        }
    }

    fn publish(&self, board: &Board) {
        for (slot, point) in board.recorded.iter().zip(&self.points) {
            slot[0].store(point.0, SeqCst);
            slot[1].store(point.1, SeqCst);
        }
        board.recorded_len.store(self.points.len().min(RECORDED), SeqCst);
    }
}

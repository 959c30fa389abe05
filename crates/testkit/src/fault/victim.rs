//! The process that is executed instruction by instruction.

use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use super::Part;
use super::board::Board;
use super::cast::{sleeps, switches};
use crate::sys::trace::{self, Change, Trap};

/// Longest stay in the kernel, or run between two stops.
const LIMIT: Duration = Duration::from_secs(8);

/// For how long the processor is only passed on between two looks: as long as a victim takes that is not asleep until a deadline.
const SOON: Duration = Duration::from_millis(1);

/// Between two looks, from then on.
const LOOK: Duration = Duration::from_micros(50);

/// Where a step has led.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Before the next instruction.
    Stopped,
    /// Into a sleep in the kernel.
    Asleep,
    /// To the end of the process.
    Ended,
}

pub(super) struct Victim {
    pid: Pid,
    board: &'static Board,
    ended: bool,
    /// The instruction that comes next, or in which it sleeps.
    pub(super) address: usize,
    /// Whether that one enters the kernel.
    pub(super) at_kernel: bool,
    trap: Option<Trap>,
    /// How often it had gone to sleep when it was found asleep.
    slept: u64,
}

impl Victim {
    /// Starts it, and lets it come to its beginning.
    pub(super) fn start(part: Part, act: impl FnOnce(&Part)) -> Result<Self, String> {
        let board = part.board;
        let pid =
            trace::fork(|| part.run(act)).map_err(|error| format!("cannot fork the victim: {error}"))?;
        let mut victim =
            Self { pid, board, ended: false, address: 0, at_kernel: false, trap: None, slept: 0 };
        match victim.await_change(false)? {
            Step::Stopped => {}
            step => return Err(victim.told(&format!("it did not come to its beginning, but {step:?}"))),
        }
        trace::tie(pid).map_err(|error| format!("cannot tie the victim: {error}"))?;
        victim.look()?;
        Ok(victim)
    }

    /// Executes one instruction.
    pub(super) fn step(&mut self) -> Result<Step, String> {
        trace::step(self.pid).map_err(|error| self.told(&format!("no step: {error}")))?;
        let step = self.await_change(self.at_kernel)?;
        if step == Step::Stopped {
            self.look()?;
        }
        Ok(step)
    }

    /// Lets it run to a trap, to a sleep, or to its end.
    pub(super) fn go(&mut self) -> Result<Step, String> {
        trace::go(self.pid).map_err(|error| self.told(&format!("it does not go on: {error}")))?;
        let step = self.await_change(true)?;
        if step == Step::Stopped {
            self.untrap()?;
            self.look()?;
        }
        Ok(step)
    }

    /// Lets it run into a sleep, or to its end; from the sleep it returns into a trap.
    pub(super) fn go_to_sleep(&mut self) -> Result<Step, String> {
        let mut step = self.go()?;
        while step == Step::Asleep {
            let address = trace::returns_to(self.pid)
                .map_err(|error| self.told(&format!("where it returns to is not to be had: {error}")))?;
            if let Some(address) = address {
                self.trap(address)?;
                break;
            }
            // It has woken meanwhile.
            step = self.await_change(true)?;
        }
        Ok(step)
    }

    /// Lets it stop before the instruction at `address`, next time it comes there; one that was asleep, and meanwhile woke
    /// and ended, never does.
    pub(super) fn trap(&mut self, address: usize) -> Result<(), String> {
        match Trap::set(self.pid, address) {
            Ok(trap) => self.trap = Some(trap),
            Err(error) if trace::has_no_memory(&error) => {}
            Err(error) => return Err(self.told(&format!("no trap: {error}"))),
        }
        Ok(())
    }

    fn untrap(&mut self) -> Result<(), String> {
        let cleared = self.trap.take().map_or(Ok(()), |trap| trap.clear(self.pid));
        cleared.map_err(|error| self.told(&format!("the trap stays: {error}")))
    }

    /// Waits, when it was found asleep, until it has stopped, sleeps again, or has ended.
    pub(super) fn wake(&mut self) -> Result<Step, String> {
        let begin = Instant::now();
        loop {
            // Before its state: counted up, it has left the sleep that it was found in, and one seen after is another.
            let slept = switches(self.pid);
            match self.poll(begin)? {
                Some(Step::Asleep) if slept != self.slept => {
                    self.slept = slept;
                    return Ok(Step::Asleep);
                }
                Some(Step::Asleep) if begin.elapsed() > LIMIT => return Err(self.told("nobody wakes it")),
                Some(Step::Asleep) => {}
                Some(Step::Stopped) => {
                    self.untrap()?;
                    self.look()?;
                    return Ok(Step::Stopped);
                }
                Some(Step::Ended) => return Ok(Step::Ended),
                None => {}
            }
            pass(begin);
        }
    }

    /// Whether its operation is over.
    pub(super) fn is_over(&self) -> bool {
        self.ended || self.board.over.load(SeqCst) == 1
    }

    /// Kills and reaps it.
    pub(super) fn kill(&mut self) {
        while !self.ended {
            // It exists until it is reaped here.
            let _ = signal::kill(self.pid, Signal::SIGKILL);
            self.ended = !matches!(trace::change(self.pid, true), Ok(Change::Stopped(_) | Change::None));
        }
    }

    fn look(&mut self) -> Result<(), String> {
        let seen = trace::next_instruction(self.pid)
            .and_then(|address| Ok((address, trace::enters_kernel(self.pid, address)?)));
        (self.address, self.at_kernel) =
            seen.map_err(|error| self.told(&format!("its registers are not to be had: {error}")))?;
        Ok(())
    }

    /// Waits for the next stop, or, if it may sleep, for a sleep.
    fn await_change(&mut self, may_sleep: bool) -> Result<Step, String> {
        let begin = Instant::now();
        if !may_sleep {
            let change = trace::change(self.pid, true);
            return self.took(change.map_err(|error| format!("cannot wait for the victim: {error}"))?);
        }
        loop {
            match self.poll(begin)? {
                Some(step) => {
                    if step == Step::Asleep {
                        self.slept = switches(self.pid);
                    }
                    return Ok(step);
                }
                None => pass(begin),
            }
        }
    }

    fn poll(&mut self, begin: Instant) -> Result<Option<Step>, String> {
        // The state first: a process seen asleep that has not stopped since was asleep in between.
        let asleep = sleeps(self.pid);
        match trace::change(self.pid, false) {
            Ok(Change::None) if asleep => Ok(Some(Step::Asleep)),
            Ok(Change::None) if begin.elapsed() > LIMIT => Err(self.told("it is stuck in the kernel")),
            Ok(Change::None) => Ok(None),
            Ok(change) => self.took(change).map(Some),
            Err(error) => Err(format!("cannot wait for the victim: {error}")),
        }
    }

    fn took(&mut self, change: Change) -> Result<Step, String> {
        match change {
            Change::Stopped(Signal::SIGTRAP | Signal::SIGSTOP) => Ok(Step::Stopped),
            Change::Exited(0) => {
                self.ended = true;
                Ok(Step::Ended)
            }
            Change::None => Err(self.told("it neither stopped nor ended")),
            Change::Stopped(signal) => Err(self.told(&format!("it got {signal}"))),
            Change::Exited(_) | Change::Killed(_) => {
                self.ended = true;
                Err(self.told(&format!("it ended: {change:?}")))
            }
        }
    }

    /// `what` with what the victim itself has said.
    fn told(&self, what: &str) -> String {
        let said = self.board.failure.read().map(|text| format!(" ({text})")).unwrap_or_default();
        format!("the victim: {what}{said}")
    }
}

/// Lets others run, between two looks of a wait that began at `begin`.
fn pass(begin: Instant) {
    if begin.elapsed() < SOON { trace::pass() } else { thread::sleep(LOOK) }
}

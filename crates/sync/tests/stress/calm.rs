//! The time after deaths in which everybody has to get on, and who does not.
#![allow(clippy::disallowed_types)] // reads the workers' counts

use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::thread;
use std::time::Duration;

use multiproc_testkit::state_of;

use crate::board::{Board, PLACES};
use crate::excuses::{Excuses, NEEDED};
use crate::machine::Machine;
use crate::queue::{Stolen, Times};
use crate::sys;
use crate::tally::{LIMIT, Verdict, Wait};

/// The longest that the machine's load excuses anything, in nanoseconds.
const EXCUSED: u64 = 20_000_000_000;

/// Between two looks.
const PAUSE: Duration = Duration::from_micros(200);

/// Looks one after the other that must find somebody too late before it is said to stall.
const LOOKS: u32 = 25;

/// Deaths, and what was known of the living before anybody was started for the dead.
pub(crate) struct Deaths {
    at: u64,
    pids: [i32; PLACES],
    /// By primitive and place, of those who live.
    times: Vec<[Times; PLACES]>,
    operations: Vec<[u64; PLACES]>,
    stolen: Stolen,
}

impl Deaths {
    /// At this time they were seen; `pids` are of those who live, by place.
    pub(crate) fn seen(at: u64, board: &Board, scenarios: usize, pids: [i32; PLACES]) -> Self {
        let places: [usize; PLACES] = std::array::from_fn(|place| place);
        let times = |scenario| {
            places.map(|place| Times::of(pids[place], board.record(scenario, place).thread.load(SeqCst)))
        };
        let operations =
            |scenario| places.map(|place| board.record(scenario, place).operations.load(Relaxed));
        Self {
            at,
            pids,
            times: (0..scenarios).map(times).collect(),
            operations: (0..scenarios).map(operations).collect(),
            stolen: Stolen::now(),
        }
    }

    /// Has the supervisor use a primitive, as one more at it, and tells how long that has taken. It is excused as a worker is.
    pub(crate) fn use_one<R>(
        &mut self,
        board: &Board,
        scenario: usize,
        call: impl FnOnce() -> R,
    ) -> (R, Wait) {
        let (begin, own) = (sys::now(), Times::own());
        let result = call();
        let gross = sys::now() - begin;
        if gross < LIMIT / 4 {
            return (result, Wait::new(gross, 0, 0));
        }
        let own = Times::own().queued.saturating_sub(own.queued);
        let now = Self::seen(self.at, board, self.times.len(), self.pids);
        let needed = (0..PLACES)
            .filter(|place| now.operations[scenario][*place] < self.operations[scenario][*place] + NEEDED);
        let queued = needed.map(|place| {
            now.times[scenario][place].queued.saturating_sub(self.times[scenario][place].queued)
        });
        let excused = own + queued.max().unwrap_or(0) + now.stolen.since(&self.stolen);
        *self = now;
        (result, Wait::new(gross, excused, own))
    }
}

/// A time without kills.
pub(crate) struct Calm<'a> {
    board: &'a Board,
    number: u32,
    since: u64,
    pids: [i32; PLACES],
    machine: Machine,
    excuses: Vec<Excuses>,
}

/// One that has not ended two operations yet.
pub(crate) struct Open {
    pub(crate) scenario: usize,
    pub(crate) place: usize,
    /// How often, one look after the other, it was found too late.
    pub(crate) late: u32,
}

impl<'a> Calm<'a> {
    /// Begins one; the successors of the dead are among these workers.
    pub(crate) fn begin(board: &'a Board, number: u32, deaths: &Deaths, pids: [i32; PLACES]) -> Self {
        board.begin_calm(number);
        let scenarios = deaths.times.iter().enumerate();
        let excuses = scenarios.map(|(scenario, times)| Excuses::new(board, scenario, deaths.at, *times));
        let machine = Machine::look(deaths.stolen.clone());
        Self { board, number, since: deaths.at, pids, machine, excuses: excuses.collect() }
    }

    /// Lets some time pass, and looks at the primitives at which somebody is open.
    pub(crate) fn look(&mut self, open: &[Open]) {
        thread::sleep(PAUSE);
        self.machine.look_again(PAUSE.as_nanos() as u64);
        // What takes far less than the limit is not worth a look at the queues.
        if self.machine.looked() - self.since < LIMIT / 4 {
            return;
        }
        for (scenario, excuses) in self.excuses.iter_mut().enumerate() {
            if open.iter().any(|open| open.scenario == scenario) {
                excuses.look(self.board, &self.pids, &self.machine);
            }
        }
    }

    /// The worse of its waits for the end of an operation, from the deaths on, once it is clear what to say of it.
    pub(crate) fn judge(&self, open: &mut Open) -> Option<(Wait, Verdict)> {
        let mut ends = self.board.record(open.scenario, open.place).answers(self.number);
        let is_through = ends.len() == 2;
        if ends.iter().any(|end| *end > self.machine.looked()) {
            return None; // the next look tells what has taken the time up to there
        }
        if !is_through {
            ends.push(self.machine.looked());
        }
        let begins = std::iter::once(&self.since).chain(&ends);
        let excuses = &self.excuses[open.scenario];
        let waits = begins.zip(&ends).map(|(begin, end)| excuses.wait(self.board, open.place, *begin, *end));
        let wait = waits.max().unwrap_or_default();
        let verdict = wait.verdict();
        if is_through {
            return Some((wait, verdict));
        }
        open.late = if verdict == Verdict::Stalls { open.late + 1 } else { 0 };
        (open.late >= LOOKS || wait.gross() > EXCUSED).then_some((wait, Verdict::Stalls))
    }

    /// What it is about.
    pub(crate) fn state_of(&self, open: &Open) -> String {
        let record = self.board.record(open.scenario, open.place);
        let (thread, inside) = (record.thread.load(SeqCst), record.inside.load(SeqCst) == 1);
        let state = state_of(thread).unwrap_or('?');
        let excuses = self.excuses[open.scenario].told(self.board);
        format!("thread {thread} at place {}, inside: {inside}, state {state}; {excuses}", open.place)
    }
}

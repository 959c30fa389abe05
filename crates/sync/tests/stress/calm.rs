//! The time after deaths in which everybody has to get on, and who does not.
#![allow(clippy::disallowed_types)] // reads the workers' counts

use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::Duration;

use multiproc_testkit::state_of;

use crate::board::{Board, PLACES};
use crate::queue::{self, Queued};
use crate::sys;
use crate::tally::Wait;

/// The longest that an operation may take after a death, in nanoseconds: a heartbeat, and some more.
const LIMIT: u64 = 1_200_000_000;

/// The longest that the machine's load excuses anything, in nanoseconds.
const EXCUSED: u64 = 20_000_000_000;

/// Between two looks.
const PAUSE: Duration = Duration::from_micros(200);

/// The time from one look to the next, in nanoseconds, in which the supervisor is not late.
const IN_TIME: u64 = 5_000_000;

/// Looks one after the other that must find everybody asleep before somebody is said to stall.
const LOOKS: u32 = 25;

/// Deaths, before anybody was started for the dead.
pub(crate) struct Deaths {
    at: u64,
    /// By primitive, of those who live.
    queued: Vec<Queued>,
    stolen: u64,
}

impl Deaths {
    /// At this time they were seen; `pids` are of those who live, by place.
    pub(crate) fn seen(at: u64, board: &Board, scenarios: usize, pids: &[i32; PLACES]) -> Self {
        let queued = (0..scenarios).map(|number| Queued::now(board, number, pids)).collect();
        Self { at, queued, stolen: queue::stolen() }
    }
}

/// A time without kills.
pub(crate) struct Calm<'a> {
    board: &'a Board,
    number: u32,
    deaths: &'a Deaths,
    pids: [i32; PLACES],
    /// When the supervisor last looked.
    looked: u64,
    /// How much later than it was to it has looked: nothing in shared memory keeps it waiting, so that this is the machine's affair.
    late: u64,
}

/// One that has not ended two operations yet.
pub(crate) struct Open {
    pub(crate) number: usize,
    pub(crate) place: usize,
    /// How often, since somebody was found awake, all at the primitive were asleep.
    pub(crate) asleep: u32,
}

/// What is said of one.
pub(crate) enum Judgement {
    /// Nothing yet.
    Open,
    GotOn(Wait),
    Stalls(Wait),
}

impl<'a> Calm<'a> {
    /// Begins one; the successors of the dead are among these workers.
    pub(crate) fn begin(board: &'a Board, number: u32, deaths: &'a Deaths, pids: [i32; PLACES]) -> Self {
        board.begin_calm(number);
        let looked = sys::now();
        Self { board, number, deaths, pids, looked, late: 0 }
    }

    /// Lets some time pass before the next look.
    pub(crate) fn pause(&mut self) {
        thread::sleep(PAUSE);
        let now = sys::now();
        self.late += now.saturating_sub(self.looked).saturating_sub(IN_TIME);
        self.looked = now;
    }

    /// Whether it has got on: how long it has taken for one operation, from the deaths on, without the time for which those whom it
    /// may have needed stood in the queue of a core.
    pub(crate) fn judge(&self, open: &mut Open) -> Judgement {
        let mut ends = self.board.record(open.number, open.place).answers(self.number);
        let is_through = ends.len() == 2;
        if !is_through {
            ends.push(sys::now());
        }
        let gross = longest(self.deaths.at, &ends);
        // What takes far less than the limit is not worth a look at the queues.
        let excused = if gross > LIMIT / 4 { self.excused(open.number) } else { 0 };
        let wait = Wait::new(gross, excused);
        match is_through {
            true if wait.blamed > LIMIT => Judgement::Stalls(wait),
            true => Judgement::GotOn(wait),
            false if gross > EXCUSED => Judgement::Stalls(wait),
            false if wait.blamed > LIMIT => {
                // Who stands in a queue now is counted there only once it has a core.
                open.asleep = if self.somebody_is_awake(open.number) { 0 } else { open.asleep + 1 };
                if open.asleep < LOOKS { Judgement::Open } else { Judgement::Stalls(wait) }
            }
            false => Judgement::Open,
        }
    }

    /// What it is about.
    pub(crate) fn state_of(&self, open: &Open) -> String {
        let record = self.board.record(open.number, open.place);
        let (thread, inside) = (record.thread.load(SeqCst), record.inside.load(SeqCst) == 1);
        let state = state_of(thread).unwrap_or('?');
        let (starting, late, stolen) = (self.starting(open.number), self.late, self.stolen());
        let queued = self.queued(open.number);
        format!(
            "thread {thread} at place {}, inside: {inside}, state {state}; ns to start workers {starting}, late {late}, stolen {stolen}, in queues {queued}",
            open.place
        )
    }

    fn excused(&self, number: usize) -> u64 {
        self.starting(number) + self.late + self.stolen() + self.queued(number)
    }

    fn stolen(&self) -> u64 {
        queue::stolen().saturating_sub(self.deaths.stolen)
    }

    /// How long it took until the successors of the dead had all begun at this primitive: some of its users need somebody at each place.
    fn starting(&self, number: usize) -> u64 {
        let begun = (0..PLACES).map(|place| match self.board.record(number, place) {
            record if record.thread.load(SeqCst) == 0 => sys::now(), // not yet
            record => record.begun.load(SeqCst),
        });
        begun.max().unwrap_or(0).saturating_sub(self.deaths.at)
    }

    fn queued(&self, number: usize) -> u64 {
        Queued::now(self.board, number, &self.pids).since(self.deaths.queued[number])
    }

    /// Whether some thread at this primitive runs, wants to, or has not begun yet.
    fn somebody_is_awake(&self, number: usize) -> bool {
        let threads = (0..PLACES).map(|place| self.board.record(number, place).thread.load(SeqCst));
        threads.into_iter().any(|thread| thread == 0 || state_of(thread) != Some('S'))
    }
}

/// The longest time between two of these, the first being `since`.
fn longest(since: u64, ends: &[u64]) -> u64 {
    let begins = std::iter::once(&since).chain(ends);
    begins.zip(ends).map(|(begin, end)| end.saturating_sub(*begin)).max().unwrap_or(0)
}

//! What the machine's load has taken of a wait: never more than the time that passed, look by look.
#![allow(clippy::disallowed_types)] // reads the workers' counts

use std::sync::atomic::Ordering::{Relaxed, SeqCst};

use multiproc_testkit::state_of;

use crate::board::{Board, PLACES};
use crate::machine::Machine;
use crate::queue::Times;
use crate::tally::{LIMIT, Wait};

/// So many operations of another one may need, whatever primitive it is at. Who has ended as many in this calm keeps nobody waiting:
/// that it stands in a queue excuses nobody any more.
pub(crate) const NEEDED: u64 = 8;

/// Of those at one primitive, from the deaths on.
pub(crate) struct Excuses {
    scenario: usize,
    since: u64,
    looked: u64,
    paused: u64,
    places: [Place; PLACES],
    windows: Vec<Window>,
}

#[derive(Clone, Copy)]
struct Place {
    times: Times,
    /// Operations when the calm began.
    operations: u64,
    /// Whether somebody may have waited for it at the last look.
    is_needed: bool,
    /// Since when it has neither slept nor run: in a queue, as far as one can see.
    stands: Option<u64>,
}

/// Between two looks. Where in it a thread stood in a queue is not known.
struct Window {
    begin: u64,
    end: u64,
    queued: [u64; PLACES],
    paused: u64,
}

impl Excuses {
    /// The deaths were seen at `since`, and those who lived had these times.
    pub(crate) fn new(board: &Board, scenario: usize, since: u64, times: [Times; PLACES]) -> Self {
        let mut place = 0..PLACES;
        let places = times.map(|times| {
            let record = board.record(scenario, place.next().unwrap_or(0));
            Place { times, operations: record.operations.load(Relaxed), is_needed: true, stands: None }
        });
        Self { scenario, since, looked: since, paused: 0, places, windows: Vec::new() }
    }

    /// Looks at whom somebody here can be waiting for.
    pub(crate) fn look(&mut self, board: &Board, pids: &[i32; PLACES], machine: &Machine) {
        let (begin, end) = (self.looked, machine.looked());
        let paused = machine.paused() - self.paused;
        (self.looked, self.paused) = (end, machine.paused());
        self.windows.push(Window { begin, end, queued: [0; PLACES], paused });
        for (number, place) in self.places.iter_mut().enumerate() {
            if !place.is_needed {
                place.stands = None;
                continue;
            }
            let record = board.record(self.scenario, number);
            place.is_needed = record.operations.load(Relaxed) < place.operations + NEEDED;
            // What ends now may have begun before the last look.
            let mut queued = place.look(begin, pids[number], record.thread.load(SeqCst));
            for window in self.windows.iter_mut().rev() {
                let part = queued.min(window.end - window.begin - window.queued[number]);
                window.queued[number] += part;
                queued -= part;
                if queued == 0 {
                    break;
                }
            }
        }
    }

    /// The wait of the one at `place` between these times. It is excused while it stood in a queue itself, while it may have needed one
    /// that did or had not begun yet, and while the machine stood still.
    pub(crate) fn wait(&self, board: &Board, place: usize, begin: u64, end: u64) -> Wait {
        let started = self.started(board);
        let (mut own, mut excused) = (0, 0);
        for window in &self.windows {
            let (begin, end) = (begin.max(window.begin), end.min(window.end));
            let most = end.saturating_sub(begin);
            if most == 0 {
                continue;
            }
            let starting = end.min(started).saturating_sub(begin);
            let queued = |place: usize| match self.places[place].stands {
                Some(since) if since <= window.begin => window.end - window.begin,
                _ => window.queued[place],
            };
            let own_starting = end.min(started.min(self.since + LIMIT)).saturating_sub(begin);
            own += most.min(own_starting + queued(place));
            excused += most.min(starting + (0..PLACES).map(queued).sum::<u64>() + window.paused);
        }
        Wait::new(end.saturating_sub(begin), excused, own)
    }

    /// What has been taken so far, in words.
    pub(crate) fn told(&self, board: &Board) -> String {
        let starting = self.started(board).saturating_sub(self.since);
        let queued: Vec<u64> =
            (0..PLACES).map(|place| self.windows.iter().map(|window| window.queued[place]).sum()).collect();
        format!(
            "ns to start workers {starting}, in queues by place {queued:?}, machine paused {}",
            self.paused
        )
    }

    /// When the last successor had begun here; if one has not yet, now. Nothing in shared memory keeps them from it: what the
    /// supervisor mends before is judged by itself, and the kernel may take a second to forget what `/proc` knows of the dead.
    fn started(&self, board: &Board) -> u64 {
        let records = (0..PLACES).map(|place| board.record(self.scenario, place));
        let begun = records.map(|record| match record.thread.load(SeqCst) {
            0 => self.looked,
            _ => record.begun.load(SeqCst),
        });
        begun.max().unwrap_or(0)
    }
}

impl Place {
    /// The time in a queue that the kernel tells since the last look, which was at `looked`.
    fn look(&mut self, looked: u64, pid: i32, thread: u32) -> u64 {
        let times = Times::of(pid, thread);
        let before = std::mem::replace(&mut self.times, times);
        let stands = times == before && state_of(thread).is_some_and(|state| state != 'S');
        self.stands = stands.then(|| self.stands.unwrap_or(looked));
        times.queued.saturating_sub(before.queued)
    }
}

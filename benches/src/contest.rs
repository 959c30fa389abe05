//! Two sides that want one lock at the same time and without pause, and somebody who looks at what each has got done: a round in windows.
//! One side is a lone member, the other one has one or several.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::locks::Lock;
use crate::other::Other;
use crate::pair::{ended, running};
use crate::session::{Sample, Session, Setting};
use crate::sys;
use crate::windows::{self, Reading};

/// Windows of a round that count; the second one for `--quick`.
const WINDOWS: [u64; 2] = [5, 2];

/// For one window that counts as many are cut at the most: too long ones do not count.
const TRIES: u64 = 4;

/// The first batch, which is only to show that all are there.
const FIRST: Duration = Duration::from_millis(1);

/// The most members of the side that is not alone.
pub(crate) const MOST: usize = 4;

/// What a member does with the lock.
pub(crate) trait Work: Clone + Send + 'static {
    /// Whether the number grows by it.
    const ADDS: bool;

    /// Once; tells whether what it found can be.
    fn once(&mut self) -> bool;
}

/// What all see, in memory that processes share.
#[derive(Debug, Default)]
struct Board {
    phase: Phase,
    /// The lone one first.
    members: [Tally; 1 + MOST],
}

/// As in a pair: twice the rounds that have ended, and one more while one runs. Written between rounds only.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Phase(AtomicU32);

/// What a member tells, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Tally {
    /// Rounds that it is ready for.
    ready: AtomicU32,
    /// Rounds that it has done with.
    through: AtomicU32,
    /// Operations since the beginning.
    done: AtomicU64,
    /// It found what cannot be.
    wrong: AtomicBool,
}

/// Which kind of neighbours the members are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Between {
    Threads,
    /// The lone one in this process, beside who looks; each of the others in one of its own.
    Processes,
}

#[derive(Debug)]
pub(crate) struct Contest<L: 'static> {
    lock: &'static L,
    board: &'static Board,
    /// Members of all.
    size: usize,
    /// Whether the number grows by the lone one, by the others.
    adds: [bool; 2],
    windows: u64,
    round: u32,
    /// A byte for each round.
    requests: Vec<PipeWriter>,
    /// Ends with the pipes of requests, which are closed before, or is killed.
    _others: Vec<Other>,
}

impl<L: Lock> Contest<L> {
    pub(crate) fn new<A: Work, B: Work>(
        setting: &Setting,
        lock: &'static L,
        lone: A,
        others: Vec<B>,
        between: Between,
    ) -> Result<Self> {
        let board = sys::leak_shared(Board::default())?;
        let size = 1 + others.len();
        let (mut requests, mut heard) = (Vec::new(), Vec::new());
        for _ in 0..size {
            let (hears, asks) = pipe()?;
            requests.push(asks);
            heard.push(hears);
        }
        let mut seats = board.members.iter().zip(heard);
        let lone_seat = seats.next().ok_or("a contest without members")?;
        let sides = others.into_iter().zip(seats).map(|(work, (tally, requests))| {
            let member = Member { work, board, tally, requests };
            move || member.run()
        });
        // The forks come first: a process that forks has one thread.
        let others = match between {
            Between::Threads => sides.map(|side| Other::thread(setting, side)).collect(),
            Between::Processes => Other::processes(sides.collect())?,
        };
        let (tally, heard) = lone_seat;
        let lone = Member { work: lone, board, tally, requests: heard };
        thread::spawn(move || lone.run());
        let [full, quick] = WINDOWS;
        let (adds, windows) = ([A::ADDS, B::ADDS], setting.size(full, quick));
        Ok(Self { lock, board, size, adds, windows, round: 0, requests, _others: others })
    }

    fn members(&self) -> &'static [Tally] {
        &self.board.members[..self.size]
    }

    /// What the lone one has got done since the beginning, and the others together.
    fn done(&self) -> [u64; 2] {
        let (lone, others) = self.members().split_at(1);
        // Relaxed: in a round they are looked at as they are; after it `through` has ordered them.
        [lone, others].map(|side| side.iter().map(|member| member.done.load(Ordering::Relaxed)).sum())
    }

    fn reading(&self, begin: Instant) -> Reading {
        Reading { at: begin.elapsed(), done: self.done() }
    }

    /// Returns when all are at it.
    fn begin(&mut self) -> Result<()> {
        self.round += 1;
        for request in &mut self.requests {
            request.write_all(&[1])?;
        }
        // Relaxed, as the phase: the words order nothing but themselves.
        self.until_all(|member| member.ready.load(Ordering::Relaxed));
        self.board.phase.0.store(running(self.round), Ordering::Relaxed);
        Ok(())
    }

    /// Returns when all have stopped, if nothing was lost.
    fn end(&mut self) -> Result<()> {
        self.board.phase.0.store(ended(self.round), Ordering::Relaxed);
        // Acquire: with the Release of `Member::run`.
        self.until_all(|member| member.through.load(Ordering::Acquire));
        if self.members().iter().any(|member| member.wrong.load(Ordering::Relaxed)) {
            return Err("a reader saw the number go down".into());
        }
        let added = self.done().into_iter().zip(self.adds).map(|(done, adds)| if adds { done } else { 0 });
        self.lock.agrees(added.sum())
    }

    fn until_all(&self, round: impl Fn(&Tally) -> u32) {
        while self.members().iter().any(|member| round(member) != self.round) {
            thread::yield_now();
        }
    }
}

impl<L: Lock> Session for Contest<L> {
    fn batch(&mut self) -> Result<u64> {
        let before: u64 = self.done().iter().sum();
        self.begin()?;
        thread::sleep(FIRST);
        self.end()?;
        Ok(self.done().iter().sum::<u64>() - before)
    }

    /// As long as its windows take.
    fn round(&mut self, _length: Duration) -> Result<Sample> {
        self.begin()?;
        let begin = Instant::now();
        let mut readings = vec![self.reading(begin)];
        for _ in 0..TRIES * self.windows {
            thread::sleep(windows::LENGTH);
            readings.push(self.reading(begin));
            if windows::between(&readings).len() as u64 == self.windows {
                break;
            }
        }
        self.end()?;
        let windows = windows::between(&readings);
        let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
            return Err("nobody looked".into());
        };
        if windows.is_empty() {
            return Err("each window came out too long: who cuts them was not let run".into());
        }
        let done = [0, 1].map(|side| last.done[side] - first.done[side]);
        Ok(Sample { windows, ..Sample::timed(done.iter().sum(), last.at - first.at) })
    }
}

/// One that takes part.
struct Member<W> {
    work: W,
    board: &'static Board,
    tally: &'static Tally,
    requests: PipeReader,
}

impl<W: Work> Member<W> {
    /// Sleeps between rounds. Ends with the pipe of requests.
    fn run(mut self) {
        let phase = &self.board.phase.0;
        let mut done = 0;
        for round in 1.. {
            if self.requests.read_exact(&mut [0]).is_err() {
                break;
            }
            self.tally.ready.store(round, Ordering::Relaxed);
            while phase.load(Ordering::Relaxed) < running(round) {
                thread::yield_now();
            }
            while phase.load(Ordering::Relaxed) == running(round) {
                if !self.work.once() {
                    self.tally.wrong.store(true, Ordering::Relaxed);
                }
                done += 1;
                self.tally.done.store(done, Ordering::Relaxed);
            }
            // Release: with the Acquire of `Contest::end`.
            self.tally.through.store(round, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fairness::{Adds, Reads};
    use crate::locks::ReadLock;
    use crate::peers::{rwlock, threads_only};
    use crate::placement::Placement;

    fn setting() -> Setting {
        Setting::new(Placement::Free, true).unwrap()
    }

    fn of_threads<L: Lock, A: Work, B: Work>(lock: &'static L, lone: A, others: Vec<B>) -> Contest<L> {
        Contest::new(&setting(), lock, lone, others, Between::Threads).unwrap()
    }

    #[test]
    fn what_both_sides_do_in_a_round_and_its_windows_is_counted() {
        let lock = threads_only::std().unwrap();
        let mut contest = of_threads(lock, Adds::new(lock), vec![Adds::new(lock)]);
        let mut before = [0; 2];
        for _ in 0..2 {
            let sample = contest.round(Duration::ZERO).unwrap();
            let done = contest.done();
            let in_round: Vec<_> = done.iter().zip(before).map(|(done, before)| done - before).collect();
            for (side, done) in in_round.iter().enumerate() {
                let in_windows: u64 = sample.windows.iter().map(|window| window.0[side]).sum();
                assert!(in_windows <= *done, "{sample:?}, {in_round:?}");
            }
            let in_windows: u64 = sample.windows.iter().flat_map(|window| window.0).sum();
            assert!(0 < in_windows && in_windows <= sample.operations, "{sample:?}");
            assert!(sample.operations <= in_round.iter().sum(), "{sample:?}, {in_round:?}");
            before = done;
        }
        assert_eq!(lock.number(), before.iter().sum::<u64>());
    }

    #[test]
    fn of_readers_and_writers_only_the_writers_add() {
        let lock = rwlock::parking_lot().unwrap();
        let mut contest = of_threads(lock, Reads::new(lock), vec![Adds::new(lock); MOST]);
        // Each contest sees to it that the number is what was added.
        let done: u64 = (0..5).map(|_| contest.batch().unwrap()).sum();
        assert_eq!(contest.done().iter().sum::<u64>(), done);
        assert_eq!(lock.number(), contest.done()[1]);
    }

    /// Loses one operation of a thousand, and shows a smaller number now and then, if it is told to.
    #[derive(Default)]
    struct Leaky {
        calls: AtomicU64,
        number: AtomicU64,
        loses: bool,
        goes_back: bool,
    }

    impl Lock for Leaky {
        fn add_one(&self) {
            let is_lost = self.loses && self.calls.fetch_add(1, Ordering::Relaxed) % 1000 == 999;
            self.number.fetch_add(u64::from(!is_lost), Ordering::Relaxed);
        }

        fn number(&self) -> u64 {
            self.number.load(Ordering::Relaxed)
        }
    }

    impl ReadLock for Leaky {
        fn read_one(&self) -> u64 {
            let is_back = self.goes_back && self.calls.fetch_add(1, Ordering::Relaxed) % 1000 == 999;
            self.number().saturating_sub(u64::from(is_back) * 1_000_000)
        }
    }

    fn first_error(lock: Leaky) -> Option<String> {
        let lock: &Leaky = Box::leak(Box::new(lock));
        let mut contest = of_threads(lock, Adds::new(lock), vec![Reads::new(lock); MOST]);
        (0..1000).find_map(|_| contest.batch().err()).map(|error| error.to_string())
    }

    #[test]
    fn a_lock_that_loses_an_operation_fails_its_round() {
        let error = first_error(Leaky { loses: true, ..Leaky::default() });
        assert!(error.is_some_and(|error| error.contains("is right")));
    }

    #[test]
    fn a_lock_that_shows_what_was_before_fails_its_round() {
        let error = first_error(Leaky { goes_back: true, ..Leaky::default() });
        assert!(error.is_some_and(|error| error.contains("go down")));
    }
}

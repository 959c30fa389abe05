//! What workers tell the supervisor, in memory that they share. `unsafe`: it is made of zeroed memory.
#![allow(unsafe_code)]
#![allow(clippy::disallowed_types)] // counts beside the primitives, not the primitives

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
use std::sync::atomic::{Ordering::Acquire, Ordering::Relaxed, Ordering::Release, Ordering::SeqCst};

use multiproc_testkit::fault::Memory;

use crate::sys;

/// How many workers there are at a time; each has a place, which its successor takes over.
pub(crate) const PLACES: usize = 4;

/// The most scenarios that one run can have.
pub(crate) const SCENARIOS: usize = 16;

/// All of it. All zeros: nothing has happened.
#[repr(C)]
pub(crate) struct Board {
    /// The calm that is judged, from 1; 0: there are kills.
    calm: AtomicU32,
    failure: Failure,
    records: [[Record; PLACES]; SCENARIOS],
}

/// What one thread after the other, each the successor of one that was killed, has done.
#[repr(C)]
pub(crate) struct Record {
    /// The number of the thread; 0: it has not begun yet.
    pub(crate) thread: AtomicU32,
    /// When it began.
    pub(crate) begun: AtomicU64,
    /// 1: it is inside the primitive.
    pub(crate) inside: AtomicU32,
    pub(crate) operations: AtomicU64,
    pub(crate) recoveries: AtomicU64,
    /// Four times the calm in which the two times were taken, and how many of them were.
    answers: AtomicU32,
    times: [AtomicU64; 2],
}

/// What did not hold, as the first worker that noticed says it.
#[repr(C)]
struct Failure {
    len: AtomicUsize,
    bytes: [AtomicU8; 1000],
}

/// A board for this process and its forks.
pub(crate) fn share() -> &'static Board {
    // SAFETY: atomic numbers all through, which may be zero.
    unsafe { Memory::<Board>::zeroed() }.leak()
}

impl Board {
    pub(crate) fn record(&self, scenario: usize, place: usize) -> &Record {
        &self.records[scenario][place]
    }

    /// Lets every thread tell when it ends an operation for the first time from now on, and for the second.
    pub(crate) fn begin_calm(&self, number: u32) {
        self.calm.store(number, Release);
    }

    pub(crate) fn end_calm(&self) {
        self.calm.store(0, Relaxed);
    }

    /// Keeps what did not hold, cut if it is too long; the first stays.
    pub(crate) fn fail(&self, what: &str) {
        let Failure { len, bytes } = &self.failure;
        if len.load(SeqCst) > 0 {
            return;
        }
        bytes.iter().zip(what.bytes()).for_each(|(byte, from)| byte.store(from, SeqCst));
        len.store(what.len().min(bytes.len()), SeqCst);
    }

    /// What did not hold.
    pub(crate) fn failure(&self) -> Option<String> {
        let Failure { len, bytes } = &self.failure;
        let len = len.load(SeqCst).min(bytes.len());
        let bytes: Vec<u8> = bytes[..len].iter().map(|byte| byte.load(SeqCst)).collect();
        (len > 0).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Record {
    /// An operation has ended.
    pub(crate) fn count(&self, board: &Board) {
        self.operations.fetch_add(1, Relaxed);
        let calm = board.calm.load(Acquire);
        if calm == 0 {
            return;
        }
        let answers = self.answers_in(calm);
        if let Some(time) = self.times.get(answers) {
            time.store(sys::now(), Relaxed);
            self.answers.store(calm * 4 + answers as u32 + 1, Release);
        }
    }

    /// When operations ended in this calm: at most two times.
    pub(crate) fn answers(&self, calm: u32) -> Vec<u64> {
        let answers = self.answers_in(calm).min(self.times.len());
        self.times[..answers].iter().map(|time| time.load(Relaxed)).collect()
    }

    fn answers_in(&self, calm: u32) -> usize {
        let answers = self.answers.load(Acquire);
        if answers / 4 == calm { answers as usize % 4 } else { 0 }
    }
}

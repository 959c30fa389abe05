//! What the processes of one kill point tell each other: cues, counts, failures; in memory that they share.
//! `unsafe`: it is made of zeroed memory.
#![allow(unsafe_code)]

use super::Memory;
use super::point::Visit;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering::SeqCst};

/// How many processes besides the victim one scenario may have.
pub(super) const PARTS: usize = 6;

/// How many names of outcomes a scenario may have.
pub(super) const OUTCOMES: usize = 8;

/// How many kill points a recording may find.
pub(super) const RECORDED: usize = 8192;

/// Text written by one process and read by another after its end.
#[repr(C)]
pub(super) struct Text {
    len: AtomicUsize,
    bytes: [AtomicU8; 1000],
}

impl Text {
    /// Keeps `text`, cut if it is too long; the first one stays.
    pub(super) fn write(&self, text: &str) {
        if self.len.load(SeqCst) > 0 {
            return;
        }
        let len = text.len().min(self.bytes.len());
        for (byte, from) in self.bytes.iter().zip(text.bytes()) {
            byte.store(from, SeqCst);
        }
        self.len.store(len, SeqCst);
    }

    /// What was written, if anything was.
    pub(super) fn read(&self) -> Option<String> {
        let len = self.len.load(SeqCst).min(self.bytes.len());
        let bytes: Vec<u8> = self.bytes[..len].iter().map(|byte| byte.load(SeqCst)).collect();
        (len > 0).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Where one process besides the victim stands.
#[repr(C)]
pub(super) struct Place {
    /// The cue it waits for; 0: it is about something else.
    pub(super) waits_for: AtomicU32,
    /// 1: it has returned.
    pub(super) done: AtomicU32,
    /// Why it failed.
    pub(super) failure: Text,
}

/// All of it. All zeros: nothing has happened.
#[repr(C)]
pub(super) struct Board {
    /// The cues given so far; processes sleep on it.
    pub(super) given: AtomicU32,
    /// Counts up whenever a process has come to a cue or its end; the stage sleeps on it.
    pub(super) bell: AtomicU32,
    /// 1: the victim's operation is over.
    pub(super) over: AtomicU32,
    pub(super) places: [Place; PARTS],
    pub(super) counts: [AtomicU32; OUTCOMES],
    /// Why the stage failed.
    pub(super) failure: Text,
    /// 1: the operation was over before the kill point.
    pub(super) ended: AtomicU32,
    /// Where the victim was killed.
    pub(super) address: AtomicUsize,
    /// How many instructions it executed.
    pub(super) steps: AtomicUsize,
    /// 1: it was killed in its sleep.
    pub(super) asleep: AtomicU32,
    /// 1: a recording has come to where the kill points begin.
    pub(super) started: AtomicU32,
    /// 1: the stage has played to its end.
    pub(super) played: AtomicU32,
    /// A recording's kill points, each as the fields of a [`Visit`]; then their number.
    recorded: [[AtomicUsize; 5]; RECORDED],
    recorded_len: AtomicUsize,
}

impl Board {
    /// A board for as long as this process lives.
    pub(super) fn new() -> &'static Self {
        // SAFETY: atomic numbers all through, which may be zero.
        unsafe { Memory::<Self>::zeroed() }.leak()
    }

    /// As new, between two points, when no process uses it.
    pub(super) fn clear(&self) {
        for word in
            [&self.given, &self.bell, &self.over, &self.ended, &self.asleep, &self.started, &self.played]
        {
            word.store(0, SeqCst);
        }
        for place in &self.places {
            place.waits_for.store(0, SeqCst);
            place.done.store(0, SeqCst);
            place.failure.len.store(0, SeqCst);
        }
        self.counts.iter().for_each(|count| count.store(0, SeqCst));
        self.failure.len.store(0, SeqCst);
        for number in [&self.address, &self.steps, &self.recorded_len] {
            number.store(0, SeqCst);
        }
    }

    /// Leaves what a recording has found.
    pub(super) fn record(&self, visits: &[Visit]) {
        for (slot, visit) in self.recorded.iter().zip(visits) {
            let fields = <[usize; 5]>::from(*visit);
            slot.iter().zip(fields).for_each(|(slot, field)| slot.store(field, SeqCst));
        }
        self.recorded_len.store(visits.len().min(RECORDED), SeqCst);
    }

    /// What a recording has found.
    pub(super) fn recorded(&self) -> Vec<Visit> {
        let found = &self.recorded[..self.recorded_len.load(SeqCst).min(RECORDED)];
        let read = |slot: &[AtomicUsize; 5]| slot.each_ref().map(|field| field.load(SeqCst));
        found.iter().map(read).map(Visit::from).collect()
    }
}

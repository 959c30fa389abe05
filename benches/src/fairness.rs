//! Who takes part in the benches of fairness, and what they do with a lock, whoever brings it.

use std::hint::black_box;

use crate::Result;
use crate::contest::{Between, Contest, MOST, Work};
use crate::locks::{Lock, ReadLock};
use crate::session::{Setting, Start};

/// Adds one.
#[derive(Debug)]
pub(crate) struct Adds<L: 'static>(&'static L);

impl<L> Adds<L> {
    pub(crate) fn new(lock: &'static L) -> Self {
        Self(lock)
    }
}

impl<L> Clone for Adds<L> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<L: Lock> Work for Adds<L> {
    const ADDS: bool = true;

    fn once(&mut self) -> bool {
        black_box(self.0).add_one();
        true
    }
}

/// Reads the number, which never goes down.
#[derive(Debug)]
pub(crate) struct Reads<L: 'static> {
    lock: &'static L,
    seen: u64,
}

impl<L> Reads<L> {
    pub(crate) fn new(lock: &'static L) -> Self {
        Self { lock, seen: 0 }
    }
}

impl<L> Clone for Reads<L> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<L: ReadLock> Work for Reads<L> {
    const ADDS: bool = false;

    fn once(&mut self) -> bool {
        let before = self.seen;
        self.seen = black_box(self.lock).read_one();
        self.seen >= before
    }
}

/// Two threads that add.
pub(crate) fn two_threads<L: Lock>(setting: &Setting, lock: Result<&'static L>) -> Result<Start> {
    two(setting, lock?, Between::Threads)
}

/// Two processes that add.
pub(crate) fn two_processes<L: Lock>(setting: &Setting, lock: Result<&'static L>) -> Result<Start> {
    two(setting, lock?, Between::Processes)
}

fn two<L: Lock>(setting: &Setting, lock: &'static L, between: Between) -> Result<Start> {
    Start::here(Contest::new(setting, lock, Adds::new(lock), vec![Adds::new(lock)], between)?)
}

/// A thread that adds, and four that read.
pub(crate) fn writer_of_threads<L: ReadLock>(setting: &Setting, lock: Result<&'static L>) -> Result<Start> {
    lone_writer(setting, lock?, Between::Threads)
}

/// The same of processes.
pub(crate) fn writer_of_processes<L: ReadLock>(setting: &Setting, lock: Result<&'static L>) -> Result<Start> {
    lone_writer(setting, lock?, Between::Processes)
}

fn lone_writer<L: ReadLock>(setting: &Setting, lock: &'static L, between: Between) -> Result<Start> {
    let readers = vec![Reads::new(lock); MOST];
    Start::here(Contest::new(setting, lock, Adds::new(lock), readers, between)?)
}

/// A thread that reads, and four that add.
pub(crate) fn reader_of_threads<L: ReadLock>(setting: &Setting, lock: Result<&'static L>) -> Result<Start> {
    lone_reader(setting, lock?, Between::Threads)
}

/// The same of processes.
pub(crate) fn reader_of_processes<L: ReadLock>(setting: &Setting, lock: Result<&'static L>) -> Result<Start> {
    lone_reader(setting, lock?, Between::Processes)
}

fn lone_reader<L: ReadLock>(setting: &Setting, lock: &'static L, between: Between) -> Result<Start> {
    let writers = vec![Adds::new(lock); MOST];
    Start::here(Contest::new(setting, lock, Reads::new(lock), writers, between)?)
}

//! `queue` and `threading.Thread`.

use super::{run, script};
use crate::Result;
use crate::pipelines::BOUND;
use crate::session::{Setting, Start};

const SCRIPT: &str = script!("thread.py");

/// Numbers between two looks at the clock: one takes microseconds here.
const MESSAGES: u64 = 1 << 13;

/// Threads between two looks at the clock.
const THREADS: u64 = 64;

pub(crate) fn queue<const THREADS: u64>(setting: &Setting) -> Result<Start> {
    carry(setting, "queue", THREADS)
}

pub(crate) fn simple_queue<const THREADS: u64>(setting: &Setting) -> Result<Start> {
    carry(setting, "simple_queue", THREADS)
}

/// A thread of the far side goes to its processor by itself, and must know it.
fn carry(setting: &Setting, play: &str, threads: u64) -> Result<Start> {
    let mut needs = vec![MESSAGES, threads, BOUND as u64];
    needs.extend(setting.far().map(|cpu| cpu as u64));
    run(setting, SCRIPT, play, &needs)
}

pub(crate) fn spawn(setting: &Setting) -> Result<Start> {
    run(setting, SCRIPT, "spawn", &[THREADS])
}

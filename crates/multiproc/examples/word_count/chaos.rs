//! Kills workers while they work.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use multiproc::{ProcessPool, WorkerState};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Time from one kill to the next.
const PAUSE: Duration = Duration::from_millis(10);

/// Time until the next look if nobody was busy.
const SHORT_PAUSE: Duration = Duration::from_millis(1);

/// A task has so many lives: one that takes longer than a pause would never end otherwise.
const LIVES: u32 = 9;

/// What the killing came to.
pub(crate) struct Damage {
    /// Workers that died with a task; those that had just ended theirs do not count.
    pub(crate) kills: u64,
    pub(crate) retries: u64,
    /// Updates of the live totals that a killed worker had half done.
    pub(crate) recoveries: u64,
    /// Open descriptors before the pool was made.
    pub(crate) before: usize,
    /// Open descriptors after it was dropped.
    pub(crate) after: usize,
}

/// Kills a busy worker after each pause, until the other end of `stopped` is dropped.
pub(crate) fn kill_busy_workers(pool: &ProcessPool, stopped: Receiver<Infallible>) {
    let mut kills = HashMap::<u64, u32>::new();
    let mut pause = PAUSE;
    while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        pause = SHORT_PAUSE;
        let busy = pool.workers().into_iter().filter_map(|worker| match worker.state {
            WorkerState::Busy { task, .. } => {
                Some((kills.get(&task).copied().unwrap_or(0), task, worker.pid))
            }
            _ => None,
        });
        if let Some((killed, task, pid)) = busy.min().filter(|(killed, ..)| *killed < LIVES) {
            pause = PAUSE;
            kills.insert(task, killed + 1);
            // An error says that it has ended by itself.
            let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
        }
    }
}

pub(crate) fn open_descriptors() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/fd")?.count() - 1) // one is the directory itself
}

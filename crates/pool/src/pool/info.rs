//! What a pool tells about itself.

use std::time::Instant;

/// One worker of a pool, at the moment of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WorkerInfo {
    /// Its place in the pool, from 0; a worker that replaces a dead one has the same.
    pub index: usize,
    /// Its process number.
    pub pid: u32,
    /// What it does.
    pub state: WorkerState,
}

/// What a worker does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkerState {
    /// It has not got through its start yet.
    Starting,
    /// It waits for a task.
    Idle,
    /// It has a task: it runs it, or is about to.
    Busy {
        /// The task's number, as [`TaskHandle::id`](crate::TaskHandle::id).
        task: u64,
        /// When it was handed over.
        since: Instant,
    },
}

impl WorkerInfo {
    /// Whether it has a task.
    pub fn is_busy(&self) -> bool {
        matches!(self.state, WorkerState::Busy { .. })
    }
}

/// What a pool has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Tasks taken in.
    pub submitted: u64,
    /// Tasks that a worker answered, be it with an error.
    pub completed: u64,
    /// Deaths of workers that cost a task an attempt.
    pub deaths: u64,
    /// Attempts that followed such a death.
    pub retries: u64,
    /// Workers started, replacements included.
    pub workers_started: u64,
}

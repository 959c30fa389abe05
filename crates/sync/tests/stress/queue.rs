//! How long threads have stood in the queue of a core: time that nobody but the machine's load is to blame for.

use std::fs;
use std::sync::atomic::Ordering::SeqCst;

use crate::board::{Board, PLACES};

/// Nanoseconds that the threads at a primitive had waited for a core, by place, at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued([u64; PLACES]);

impl Queued {
    /// Of the threads at this primitive; `pids` are the workers'.
    pub(crate) fn now(board: &Board, scenario: usize, pids: &[i32]) -> Self {
        let mut queued = [0; PLACES];
        for (place, (queued, pid)) in queued.iter_mut().zip(pids).enumerate() {
            let thread = board.record(scenario, place).thread.load(SeqCst);
            *queued = of_thread(*pid, thread);
        }
        Self(queued)
    }

    /// All of them together, since then. A thread of a worker that is new since then has waited in its own life only.
    pub(crate) fn since(self, then: Self) -> u64 {
        self.0.iter().zip(then.0).map(|(now, then)| now.saturating_sub(then)).sum()
    }
}

/// The second number of `schedstat`; 0 for a thread that is not there.
fn of_thread(pid: i32, thread: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

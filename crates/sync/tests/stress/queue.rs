//! How long threads have stood in the queue of a core: time that nobody but the machine's load is to blame for.

use std::fs;
use std::sync::atomic::Ordering::SeqCst;

use crate::board::{Board, PLACES};

/// Nanoseconds that the threads at one primitive, and the first threads of their workers, had waited for a core at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queued([[u64; 2]; PLACES]);

impl Queued {
    /// Of those at this primitive; `pids` are the workers', 0 where there is none.
    pub(crate) fn now(board: &Board, scenario: usize, pids: &[i32; PLACES]) -> Self {
        let mut queued = [[0; 2]; PLACES];
        for (place, (queued, pid)) in
            queued.iter_mut().zip(pids).enumerate().filter(|(_, (_, pid))| **pid != 0)
        {
            let thread = board.record(scenario, place).thread.load(SeqCst);
            *queued = [pid.cast_unsigned(), thread]
                .map(|thread| read(&format!("/proc/{pid}/task/{thread}/schedstat")));
        }
        Self(queued)
    }

    /// All of them together, since then. A worker that is new since then has waited in its own life only.
    pub(crate) fn since(self, then: Self) -> u64 {
        let (now, then) = (self.0.iter().flatten(), then.0.iter().flatten());
        now.zip(then).map(|(now, then)| now.saturating_sub(*then)).sum()
    }
}

/// Nanoseconds for which the host of a virtual machine had taken its cores away, all together: who ran on one, or stood in its queue,
/// stood still.
pub(crate) fn stolen() -> u64 {
    const TICK: u64 = 10_000_000; // the kernel tells these in hundredths of a second
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = text.split_whitespace().nth(8).and_then(|number| number.parse::<u64>().ok());
    ticks.unwrap_or(0) * TICK
}

/// The second number of a `schedstat`; 0 of a thread that is not there.
fn read(path: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

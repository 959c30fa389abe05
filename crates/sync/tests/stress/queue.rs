//! How long threads have run and stood in the queue of a core, by the kernel's counts.

use std::fs;

/// Nanoseconds of one thread's life so far. One in a queue is counted there only once it leaves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) ran: u64,
    pub(crate) queued: u64,
}

impl Times {
    /// Of this thread; zeros of one that is not there.
    pub(crate) fn of(pid: i32, thread: u32) -> Self {
        Self::read(&format!("/proc/{pid}/task/{thread}/schedstat"))
    }

    /// Of the calling thread.
    pub(crate) fn own() -> Self {
        Self::read("/proc/thread-self/schedstat")
    }

    fn read(path: &str) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap_or(0));
        let (ran, queued) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        Self { ran, queued }
    }
}

/// Nanoseconds for which the host of a virtual machine had taken each core away: who ran on it, or stood in its queue, stood still.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stolen(Vec<u64>);

impl Stolen {
    pub(crate) fn now() -> Self {
        const TICK: u64 = 10_000_000; // the kernel tells these in hundredths of a second
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        // The first line is the sum of the cores.
        let cores = text.lines().skip(1).take_while(|line| line.starts_with("cpu"));
        let ticks = cores.map(|core| core.split_whitespace().nth(8).and_then(|number| number.parse().ok()));
        Self(ticks.map(|ticks: Option<u64>| ticks.unwrap_or(0) * TICK).collect())
    }

    /// From the core that has lost most since then.
    pub(crate) fn since(&self, then: &Self) -> u64 {
        self.0.iter().zip(&then.0).map(|(now, then)| now.saturating_sub(*then)).max().unwrap_or(0)
    }
}

//! Threads and processes that take locks in a circle.
#![allow(clippy::disallowed_types)] // flags beside the locks, not the locks
#![allow(dead_code)] // each test program uses some of it

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use multiproc_sync::LockError;
use multiproc_sync::deadlock::Report;
use multiproc_testkit::eventually;

use crate::common::{flag, fork, reap};

/// Who has taken its first lock, and who was told.
#[derive(Clone, Copy)]
pub(crate) struct Meeting {
    all: u32,
    come: &'static AtomicU32,
    told: &'static AtomicU32,
}

impl Meeting {
    pub(crate) fn of(all: u32) -> Self {
        Self { all, come: flag(), told: flag() }
    }

    /// Waits until all have come.
    pub(crate) fn meet(self) {
        self.come.fetch_add(1, SeqCst);
        eventually("all have their first lock", || self.all_have_come());
    }

    pub(crate) fn all_have_come(self) -> bool {
        self.come.load(SeqCst) >= self.all
    }

    /// Counts one that was told; gives the report. Others have the lock.
    pub(crate) fn note<G>(self, result: Result<G, LockError<G>>) -> Option<Box<Report>> {
        match result {
            Ok(_guard) => None,
            Err(LockError::Deadlock(report)) => {
                self.told.fetch_add(1, SeqCst);
                Some(report)
            }
            Err(other) => panic!("{other}"),
        }
    }

    pub(crate) fn come(self) -> u32 {
        self.come.load(SeqCst)
    }

    pub(crate) fn told(self) -> u32 {
        self.told.load(SeqCst)
    }
}

/// Runs each in a fork of its own, and waits for all.
pub(crate) fn in_forks<const N: usize>(bodies: [&dyn Fn(); N]) {
    let forks = bodies.map(fork);
    let pids = forks.each_ref().map(multiproc_testkit::fork::Fork::pid);
    for (fork, pid) in forks.into_iter().zip(pids) {
        assert_eq!(reap(fork), 0, "process {pid} of {pids:?}");
    }
}

/// Waits until the thread of this number, which waits for a lock, has looked some times at who waits for whom: it sleeps in between.
pub(crate) fn let_look(tid: u32) {
    let sleeps = || -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count.map_or(0, |count| count.trim().parse().expect("the kernel counts them"))
    };
    let before = sleeps();
    eventually("it has looked some times", || sleeps() >= before + 6);
}

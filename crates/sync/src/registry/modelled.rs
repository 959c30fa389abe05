//! What of the registry is compiled for the model checker: how entries change hands. It lies on the heap, and is small.
#![cfg_attr(not(test), allow(dead_code))] // names in other models come from their family

mod claim;
mod entry;
mod fate;

use self::entry::{ProcessEntry, ThreadEntry};
use crate::identity::{IdentityError, Member, this_process};
use crate::primitive::{AtomicU32, AtomicU64};
use crate::robust_word::RobustWord;

/// As many as a model can fill.
pub(crate) const MAX_PROCESSES: usize = 2;

/// As many as a model can fill.
pub(crate) const MAX_THREADS: usize = 2;

/// The registry of a model's family.
#[derive(Debug)]
pub(crate) struct Registry {
    header: Header,
    processes: Vec<ProcessEntry>,
    threads: Vec<ThreadEntry>,
}

/// What of the header changes.
#[derive(Debug, Default)]
struct Header {
    processes_used: AtomicU32,
    threads_used: AtomicU32,
}

impl Registry {
    /// A new registry with so many entries for processes, and for threads.
    pub(crate) fn new(processes: usize, threads: usize) -> Self {
        let process = |_| ProcessEntry { occupant: AtomicU64::new(0) };
        let thread = |_| {
            let (mark, process) = (AtomicU32::new(0), AtomicU32::new(0));
            ThreadEntry { life: RobustWord::new(), mark, process }
        };
        let processes = (0..processes).map(process).collect();
        Self { header: Header::default(), processes, threads: (0..threads).map(thread).collect() }
    }

    /// This process as an entry describes it.
    fn this_process(&self) -> Result<Member, IdentityError> {
        this_process()
    }
}

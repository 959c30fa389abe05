//! Totals that the workers keep while they count, in memory that all of them share: what the progress bar shows.
//!
//! A worker can be killed in the middle of an update, and a batch that is tried again is added again: the bar may run ahead
//! of the results by that much. The counts that are printed come from the results alone.

use std::io;
use std::thread;
use std::time::Duration;

use multiproc::shm::{Shared, ShmError, ShmSafe};
use multiproc::sync::{LockError, Mutex, MutexGuard};

use crate::batch::{self, Batch, Tally};

/// How long an update takes when it is to be caught by a kill.
const DAWDLE: Duration = Duration::from_micros(200);

/// Totals of all workers.
pub(crate) type Live = Shared<Mutex<Progress>>;

/// What the lock guards: equal at both ends of an update.
#[derive(Clone, Copy, Default, PartialEq, ShmSafe)]
#[repr(C)]
pub(crate) struct Progress {
    begun: Sum,
    ended: Sum,
    /// Updates that were found half done, their process killed, and undone.
    recoveries: u64,
    /// Whether updates dawdle: 0 or 1.
    dawdles: u64,
}

/// Files that were read, and their bytes.
#[derive(Clone, Copy, Default, PartialEq, ShmSafe)]
#[repr(C)]
struct Sum {
    files: u64,
    bytes: u64,
}

impl Progress {
    pub(crate) fn shared(dawdles: bool) -> Result<Live, ShmError> {
        Shared::new(Mutex::new(Self { dawdles: dawdles.into(), ..Self::default() }))
    }

    /// Undoes what a killed process has begun.
    fn mend(&mut self) {
        self.begun = self.ended;
        self.recoveries += 1;
    }

    fn add(&mut self, tally: &Tally) {
        self.begun.files += tally.files;
        self.begun.bytes += tally.bytes;
        if self.dawdles != 0 {
            thread::sleep(DAWDLE);
        }
        self.ended = self.begun;
    }

    /// How many bytes were counted.
    pub(crate) fn bytes(&self) -> u64 {
        self.ended.bytes
    }

    pub(crate) fn recoveries(&self) -> u64 {
        self.recoveries
    }
}

/// The totals as they are between two updates. An error says that they are not to be had, or that an update was half done
/// though nobody died in it.
pub(crate) fn lock(live: &Live) -> multiproc::Result<MutexGuard<'_, Progress>> {
    let guard = match live.lock() {
        Err(LockError::OwnerDied(mut guard)) => {
            guard.mend();
            MutexGuard::mark_consistent(&mut guard);
            guard
        }
        other => other?,
    };
    if guard.begun == guard.ended { Ok(guard) } else { Err(io::Error::other("the live totals are torn"))? }
}

/// The task: counts a batch and adds it to the totals.
pub(crate) fn count((batch, live): (Batch, Live)) -> multiproc::Result<Tally> {
    let tally = batch::count(batch);
    lock(&live)?.add(&tally);
    Ok(tally)
}

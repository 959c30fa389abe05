//! Whether a timer fires, as its thread and those who cancel it agree on it.

use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use multiproc_sync::interrupt::masked;
use multiproc_sync::primitive::{AtomicU32, Deadline};

use crate::cancel::{CancelToken, WaitError};
use crate::planted::{Bug, planted};

/// Nothing is to fire from now on.
const CANCELLED: u32 = 1;
/// The function runs, or has run for the last time.
const FIRING: u32 = 2;

#[derive(Debug)]
pub(crate) struct Timing {
    /// Both in one word: who comes first is seen by the other.
    word: AtomicU32,
    /// Ends the wait for the time to fire.
    stop: CancelToken,
}

impl Timing {
    /// One that the cancellation of its thread ends, too.
    pub(crate) fn new(of_thread: &CancelToken) -> Self {
        Self { word: AtomicU32::new(0), stop: of_thread.child() }
    }

    /// Keeps it from firing; gives whether nothing fires, or has fired, that this comes too late for.
    pub(crate) fn cancel(&self) -> bool {
        let before = self.word.fetch_or(CANCELLED, AcqRel);
        self.stop.cancel();
        before == 0
    }

    /// Waits for the time to fire, `None`: longer than a clock can say; `false`: it was cancelled.
    pub(crate) fn wait_until(&self, deadline: Option<Deadline>) -> bool {
        // Neither the hook of a signal nor the alarm of the thread has to end it: who cancels ends this wait itself.
        let ended = masked(|| match deadline {
            Some(deadline) => self.stop.wait_deadline(deadline),
            None => self.stop.wait(),
        });
        ended == Err(WaitError::TimedOut)
    }

    /// Whether it fires now. Who cancels it from then on is told that this was first.
    pub(crate) fn begin_firing(&self) -> bool {
        if planted(Bug::FiresAfterALook) {
            let before = self.word.load(Relaxed);
            self.word.fetch_or(FIRING, AcqRel);
            return before & CANCELLED == 0;
        }
        self.word.fetch_or(FIRING, AcqRel) & CANCELLED == 0
    }

    /// It may fire again.
    #[cfg_attr(multiproc_loom, allow(dead_code))] // by a thread alone
    pub(crate) fn end_firing(&self) {
        self.word.fetch_and(!FIRING, AcqRel);
    }
}

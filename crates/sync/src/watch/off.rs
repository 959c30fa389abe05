//! The hooks without the features: nothing, and no bytes.

use super::Access;
use crate::WaitError;
use crate::deadlock::Report;
use crate::mutex::patience::Request;
use crate::mutex::robust::Refusal;
use crate::primitive::Deadline;
use crate::robust_word::RobustWord;

/// Where in the source a lock is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Site;

const _: () = assert!(size_of::<Site>() == 0 && size_of::<Waiting>() == 0 && size_of::<Hidden>() == 0);

impl Site {
    #[inline(always)]
    pub(crate) const fn here() -> Self {
        Self
    }

    /// The same, of one who is to read.
    #[inline(always)]
    pub(crate) const fn to_read(self) -> Self {
        self
    }
}

/// The calling thread has the lock.
#[inline(always)]
pub(crate) fn taken(_: &RobustWord, _: Site) {}

/// The calling thread is about to release the lock.
#[inline(always)]
pub(crate) fn released(_: &RobustWord) {}

/// The calling thread reads what the lock guards.
#[inline(always)]
pub(crate) fn reading(_: &RobustWord, _: Site) {}

/// The calling thread is about to end one of its readings.
#[inline(always)]
pub(crate) fn read_ended(_: &RobustWord) {}

/// The calling thread asks for the lock.
#[inline(always)]
pub(crate) fn asks(_: &RobustWord) {}

/// The calling thread did not get the lock at the first try.
#[inline(always)]
pub(crate) fn waits(_: &RobustWord) {}

/// The calling thread has got the lock.
#[inline(always)]
pub(crate) fn acquired(_: &RobustWord, _: Access, _: Site) {}

/// The report of a thread that asks for a lock which it has.
#[cold]
pub(crate) fn self_lock(lock: &RobustWord, _: Access, _: Site) -> Box<Report> {
    Box::new(Report::of_self(lock))
}

/// A wait for a lock.
#[derive(Debug)]
pub(crate) struct Waiting;

impl Waiting {
    #[inline(always)]
    pub(crate) fn begin(_: &RobustWord, _: Access, _: Request<'_>) -> Self {
        Self
    }

    /// One that nobody holds up.
    #[inline(always)]
    pub(crate) fn unwatched() -> Self {
        Self
    }

    /// Sleeps, up to the deadline.
    #[inline(always)]
    pub(crate) fn sleep(
        &mut self,
        deadline: Option<&Deadline>,
        sleep: impl FnOnce(Option<&Deadline>) -> Result<(), WaitError>,
    ) -> Result<(), Refusal> {
        Ok(sleep(deadline)?)
    }

    /// As [`sleep`](Self::sleep), with a sleep that every signal ends, for its caller to ask the user's hook.
    #[inline(always)]
    pub(crate) fn sleep_unasked(
        &mut self,
        deadline: Option<&Deadline>,
        sleep: impl FnOnce(Option<&Deadline>) -> Result<(), WaitError>,
    ) -> Result<(), Refusal> {
        self.sleep(deadline, sleep)
    }

    /// Until when to sleep where the end of the sleep is a look at something else, too.
    #[inline(always)]
    pub(crate) fn until(&self, deadline: Option<Deadline>) -> Option<Deadline> {
        deadline
    }

    /// Looks whether the wait can end, if that is due.
    #[inline(always)]
    pub(crate) fn look(&mut self) -> Result<(), Refusal> {
        Ok(())
    }
}

/// The calling thread runs the user's code in the middle of a wait, until this is dropped.
#[derive(Debug)]
pub(crate) struct Hidden;

impl Hidden {
    #[inline(always)]
    pub(crate) fn begin() -> Self {
        Self
    }
}

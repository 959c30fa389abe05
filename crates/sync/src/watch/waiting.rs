//! A wait for a lock, which is seen by the other threads of the family, and looks now and then whether it can end at all.

use std::time::{Duration, Instant};

use super::Access;
use super::here;
use super::on::LockId;
use super::record::Want;
use crate::WaitError;
use crate::interrupt;
use crate::mutex::patience::{Patience, Request};
use crate::mutex::robust::Refusal;
use crate::primitive::Deadline;
use crate::robust_word::RobustWord;
use crate::sys::clock;

/// After which a wait looks for the first time: longer than most last.
const FIRST_LOOK: Duration = Duration::from_millis(100);

/// Between two looks, of what each thread of the family says.
const PAUSE: Duration = Duration::from_millis(200);

// A deadlock is told within a second, also if the first look came too early.
const _: () = assert!(FIRST_LOOK.as_millis() + 2 * PAUSE.as_millis() < 1000);

/// Of a pause, for each pair of threads that wait: some times what one costs the other when it looks. So all their looks together take a
/// fraction of a core, however many wait.
const PAUSE_FOR_A_PAIR: Duration = Duration::from_nanos(800);

/// The pause when so many threads wait.
fn pause(waiting: u32) -> Duration {
    (PAUSE_FOR_A_PAIR * waiting.saturating_mul(waiting)).max(PAUSE)
}

/// A wait of the calling thread. Others see it as long as it is there, if nothing but the lock ends it.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// When to look; `None`: the wait ends by itself, and nobody is told of it.
    next: Option<Instant>,
    /// What the thread waited for when it began this one, in a hook of the user's.
    before: Want,
}

impl Waiting {
    #[cold]
    pub(crate) fn begin(lock: &RobustWord, access: Access, request: Request<'_>) -> Self {
        let is_endless = matches!(request.patience, Patience::Endless);
        let id = LockId::of(lock, access).filter(|_| is_endless && cfg!(feature = "deadlock"));
        let watched = id.zip(here::record());
        let Some((id, record)) = watched else { return Self::unwatched() };
        let want = Want {
            lock: id.0,
            since: clock::nanoseconds(),
            site: request.site.number(),
            number: lock.number(),
            address: std::ptr::from_ref(lock) as u64,
            to_read: request.site.access() == Access::Read,
        };
        Self { next: Some(Instant::now() + FIRST_LOOK), before: record.want(want) }
    }

    /// One that nobody holds up.
    pub(crate) fn unwatched() -> Self {
        Self { next: None, before: Want::default() }
    }

    /// Sleeps, up to the deadline, or up to the next look.
    pub(crate) fn sleep(
        &mut self,
        deadline: Option<&Deadline>,
        sleep: impl FnOnce(Option<&Deadline>) -> Result<(), WaitError>,
    ) -> Result<(), Refusal> {
        self.sleep_to_look(deadline, sleep, || Ok(()))
    }

    /// As [`sleep`](Self::sleep), with a sleep that every signal ends, for its caller to ask the user's hook. That is asked after each
    /// look, too: a signal may have come when the thread was not asleep.
    pub(crate) fn sleep_unasked(
        &mut self,
        deadline: Option<&Deadline>,
        sleep: impl FnOnce(Option<&Deadline>) -> Result<(), WaitError>,
    ) -> Result<(), Refusal> {
        let is_asked = || if interrupt::is_installed() { Err(WaitError::Interrupted) } else { Ok(()) };
        self.sleep_to_look(deadline, sleep, is_asked)
    }

    /// `woken` is what a sleep comes to that only a look has ended.
    fn sleep_to_look(
        &mut self,
        deadline: Option<&Deadline>,
        sleep: impl FnOnce(Option<&Deadline>) -> Result<(), WaitError>,
        woken: impl FnOnce() -> Result<(), WaitError>,
    ) -> Result<(), Refusal> {
        if self.next.is_none() {
            return Ok(sleep(deadline)?);
        }
        self.look()?;
        match sleep(self.next.as_ref()) {
            Err(WaitError::TimedOut) => Ok(woken()?),
            ended => Ok(ended?),
        }
    }

    /// Until when to sleep where the end of the sleep is a look at something else, too.
    pub(crate) fn until(&self, deadline: Option<Deadline>) -> Option<Deadline> {
        self.next.into_iter().chain(deadline).min()
    }

    /// Looks whether the wait can end, if that is due.
    ///
    /// # Errors
    ///
    /// [`Refusal::Deadlock`]: it cannot, and it is the last wait of those that hold each other up.
    pub(crate) fn look(&mut self) -> Result<(), Refusal> {
        if self.next.is_none_or(|next| next > Instant::now()) {
            return Ok(());
        }
        self.next = Some(Instant::now() + look_around()?);
        Ok(())
    }
}

/// Looks whether the wait of the calling thread can end; gives the pause until the next look.
#[cfg(feature = "deadlock")]
fn look_around() -> Result<Duration, Refusal> {
    match here::look(crate::deadlock::look) {
        None => Ok(PAUSE),
        Some(Ok(report)) => Err(Refusal::Deadlock(report)),
        Some(Err(waiting)) => Ok(pause(waiting)),
    }
}

#[cfg(not(feature = "deadlock"))]
fn look_around() -> Result<Duration, Refusal> {
    Ok(PAUSE)
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.next.is_some()
            && let Some(record) = here::record()
        {
            record.want(self.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_get_rarer_where_many_wait() {
        assert_eq!([0, 2, 500].map(pause), [PAUSE; 3]);
        assert_eq!(pause(1000), Duration::from_millis(800));
        let everybody = crate::registry::MAX_THREADS as u32;
        assert!(pause(everybody) / everybody > Duration::from_millis(10), "of one thread, all of which look");
        assert!(pause(u32::MAX) >= pause(everybody));
    }
}

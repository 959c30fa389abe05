//! What has become of a thread that the kernel called dead, and of its process.

use std::time::{Duration, Instant};

use super::{Owner, Verdict};
use crate::futex::HEARTBEAT;
use crate::sys::Sleep;
use crate::sys::process::{self, PidFd};
use crate::{WaitError, registry};

/// What is known of this owner now.
pub(crate) fn verdict(owner: u64) -> Verdict {
    let Some((registry, owner)) = registry::installed().zip(Owner::unpacked(owner)) else {
        // What no member of the family wrote names nobody who could be waited for, nor anybody who is gone.
        return Verdict::Alive { dying: false };
    };
    let Some(member) = registry.member(owner.process) else {
        return Verdict::Gone;
    };
    match member.look() {
        Look::Ended => Verdict::Gone,
        Look::Running(_) if registry.has_left(owner.thread) => Verdict::Left,
        Look::Running(_) => Verdict::Alive { dying: process::is_being_killed(member.pid) },
    }
}

/// Whether the owner's whole process has ended: nothing of it writes any more.
pub(crate) fn is_gone(owner: u64) -> bool {
    let named = registry::installed().zip(Owner::unpacked(owner));
    named.is_some_and(|(registry, owner)| registry.has_ended(owner.process))
}

/// The number of the owner's process; 0 if nobody knows it any more.
pub(crate) fn pid_of(owner: u64) -> u32 {
    let named = registry::installed().zip(Owner::unpacked(owner));
    named.and_then(|(registry, owner)| registry.member(owner.process)).map_or(0, |member| member.pid)
}

/// Waits until the owner's process has ended, up to the deadline, or a heartbeat, or a signal.
pub(crate) fn until_end(owner: u64, deadline: Option<&Instant>) -> Result<(), WaitError> {
    let rest = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let time = rest.unwrap_or(HEARTBEAT).min(HEARTBEAT);
    let named = registry::installed().zip(Owner::unpacked(owner));
    let member = named.and_then(|(registry, owner)| registry.member(owner.process));
    let sleep = match member.map(|member| (member, member.look())) {
        Some((_, Look::Running(Some(process)))) => process.until_end(time),
        Some((member, Look::Running(None))) => until_seen_ended(member, time),
        Some((_, Look::Ended)) | None => Sleep::Over,
    };
    match sleep {
        Sleep::TimedOut if rest.is_some_and(|rest| rest <= time) => Err(WaitError::TimedOut),
        Sleep::Interrupted => Err(WaitError::Interrupted),
        _ => Ok(()),
    }
}

/// Looks again and again whether a process has ended that cannot be waited for, for at most `time`.
fn until_seen_ended(member: Member, time: Duration) -> Sleep {
    const PAUSE: Duration = Duration::from_millis(5);
    let until = Instant::now() + time;
    loop {
        let rest = until.saturating_duration_since(Instant::now());
        if matches!(member.look(), Look::Ended) {
            return Sleep::Over;
        }
        if rest.is_zero() {
            return Sleep::TimedOut;
        }
        if process::pause(rest.min(PAUSE)) == Sleep::Interrupted {
            return Sleep::Interrupted;
        }
    }
}

/// A process as its entry describes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    /// The low bits of its start time.
    pub(crate) started: u32,
}

/// What a look at a process found.
#[derive(Debug)]
pub(crate) enum Look {
    /// All of its threads have ended.
    Ended,
    /// It runs. `None`: it cannot be waited for now (no descriptor is left, say).
    Running(Option<PidFd>),
}

/// How many bits of the start time an entry keeps: a week of ticks of 10 ms.
pub(crate) const STARTED_BITS: u32 = 26;

impl Member {
    /// Whether the process runs. What forbids the answer is not taken for an end.
    pub(crate) fn look(self) -> Look {
        let process = match PidFd::open(self.pid) {
            Ok(None) => return Look::Ended,
            Ok(Some(process)) => process,
            Err(_) => return Look::Running(None),
        };
        // Read after the number was opened: what is open cannot become another process in between.
        let other = process::start_time(self.pid).is_some_and(|started| low_bits(started) != self.started);
        if other || process.until_end(Duration::ZERO) == Sleep::Over {
            Look::Ended
        } else {
            Look::Running(Some(process))
        }
    }
}

/// The part of a start time that an entry keeps.
pub(crate) fn low_bits(started: u64) -> u32 {
    (started & ((1 << STARTED_BITS) - 1)) as u32
}

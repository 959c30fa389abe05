//! What has become of a thread that the kernel called dead, and of its process.

use std::time::{Duration, Instant};

use super::{Owner, Verdict};
use crate::futex::HEARTBEAT;
use crate::sys::Sleep;
use crate::sys::process::{self, Course, PidFd, Stat};
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
        Look::Ended => return Verdict::Gone,
        Look::Unknown => return Verdict::Unknown,
        Look::Running(_) if registry.has_left(owner.thread) => return Verdict::Left,
        // Its descriptor is closed here: it may be the last one that /proc can be read with.
        Look::Running(_) => {}
    }
    match process::course(member.pid) {
        Some(Course::Ended) => Verdict::Gone,
        Some(Course::Ending) => Verdict::Alive { dying: true },
        Some(Course::On) => Verdict::Alive { dying: false },
        None => Verdict::Unknown,
    }
}

/// Whether the owner's whole process has ended: nothing of it writes any more.
pub(crate) fn is_gone(owner: u64) -> bool {
    let named = registry::installed().zip(Owner::unpacked(owner));
    named.is_some_and(|(registry, owner)| registry.has_ended(owner.process))
}

/// Whether the owner's thread has ended in order. Costs a look at memory.
pub(crate) fn has_left(owner: u64) -> bool {
    let named = registry::installed().zip(Owner::unpacked(owner));
    named.is_some_and(|(registry, owner)| registry.has_left(owner.thread))
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
        Some((member, Look::Running(None) | Look::Unknown)) => until_seen_ended(member, time),
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
    /// Nothing tells.
    Unknown,
}

/// How many bits of the start time an entry keeps: a week of ticks of 10 ms.
pub(crate) const STARTED_BITS: u32 = 26;

impl Member {
    /// Whether the process runs. What forbids the answer is taken neither for an end nor for a life.
    pub(crate) fn look(self) -> Look {
        let process = match PidFd::open(self.pid) {
            Ok(None) => return Look::Ended,
            Ok(Some(process)) => Some(process),
            Err(_) if process::is_over(self.pid) => return Look::Ended,
            Err(_) => None,
        };
        if process.as_ref().is_some_and(|process| process.until_end(Duration::ZERO) == Sleep::Over) {
            return Look::Ended;
        }
        // Read after the number was opened: what is open cannot become another process in between.
        let Some(stat) = Stat::of(self.pid) else { return Look::Unknown };
        if low_bits(stat.started) != self.started {
            return Look::Ended;
        }
        // Its first thread has ended; others may live. A tracer's threads keep a process from being seen as ended otherwise.
        if stat.has_ended() {
            match process::course(self.pid) {
                Some(Course::Ended) => return Look::Ended,
                None if process.is_none() => return Look::Unknown,
                _ => {}
            }
        }
        Look::Running(process)
    }
}

/// The part of a start time that an entry keeps.
pub(crate) fn low_bits(started: u64) -> u32 {
    (started & ((1 << STARTED_BITS) - 1)) as u32
}

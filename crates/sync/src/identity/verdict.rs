//! What has become of a thread that the kernel called dead, and of its process.

use std::time::{Duration, Instant};

use super::{Claim, Owner, Verdict};
use crate::WaitError;
use crate::futex::HEARTBEAT;
use crate::interrupt;
use crate::registry::{self, MAX_PROCESSES, Registry};
use crate::sys::Sleep;
pub(crate) use crate::sys::process::Course;
use crate::sys::process::{self, Awaited, PidFd, Stat};

/// What is known of this owner now.
pub(crate) fn verdict(owner: u64) -> Verdict {
    match registry::installed().zip(Owner::unpacked(owner)) {
        Some((registry, owner)) => registry.fate(owner),
        // What no member of the family wrote names nobody who could be waited for, nor anybody who is gone.
        None => Verdict::Alive { dying: false },
    }
}

/// Whether the owner's whole process has ended: nothing of it writes any more.
pub(crate) fn is_gone(owner: u64) -> bool {
    let named = registry::installed().zip(Owner::unpacked(owner));
    named.is_some_and(|(registry, owner)| registry.has_ended(owner.process))
}

/// Whether the whole process with this claim has ended. A claim on no entry is nobody's: then nothing proves an end.
pub(crate) fn process_has_ended(claim: Claim) -> bool {
    registry::installed()
        .is_some_and(|registry| usize::from(claim.index) < MAX_PROCESSES && registry.has_ended(claim))
}

/// The number of the process with this claim.
pub(crate) fn pid_of_process(claim: Claim) -> Option<u32> {
    registry::installed()?.member(claim).map(|member| member.pid)
}

/// As [`is_gone`], of a process that could be looked at; `None`: nothing tells.
pub(crate) fn seen_gone(owner: u64) -> Option<bool> {
    let Some((registry, owner)) = registry::installed().zip(Owner::unpacked(owner)) else {
        return Some(false);
    };
    match registry.member(owner.process).map(|member| member.look(registry)) {
        None | Some(Look::Ended) => Some(true),
        Some(Look::Running(_)) => Some(false),
        Some(Look::Unknown) => None,
    }
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

/// Waits until the owner's process has ended, up to the deadline, or a heartbeat, or a signal. As in
/// [`Futex::sleep`](crate::futex::Futex::sleep), the user's code is not asked here: every signal ends the wait, and where there is a hook
/// every heartbeat does.
pub(crate) fn until_end(owner: u64, deadline: Option<&Instant>) -> Result<(), WaitError> {
    if interrupt::ends_wait() {
        return Err(WaitError::Interrupted);
    }
    let rest = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    let time = rest.unwrap_or(HEARTBEAT).min(HEARTBEAT);
    let named = registry::installed().zip(Owner::unpacked(owner));
    let member = named.and_then(|(registry, owner)| Some((registry, registry.member(owner.process)?)));
    let sleep = match member.map(|(registry, member)| (registry, member, member.look(registry))) {
        Some((registry, member, Look::Running(Some(process)))) => match process.until_end(time) {
            Awaited::Ended => Sleep::Over,
            Awaited::NotYet(_, sleep) => sleep,
            Awaited::Lost => until_seen_ended(registry, member, time),
        },
        Some((registry, member, Look::Running(None) | Look::Unknown)) => {
            until_seen_ended(registry, member, time)
        }
        Some((.., Look::Ended)) | None => Sleep::Over,
    };
    match sleep {
        Sleep::TimedOut if rest.is_some_and(|rest| rest <= time) => Err(WaitError::TimedOut),
        // A signal may have come when the thread was not asleep.
        Sleep::TimedOut if interrupt::is_installed() => Err(WaitError::Interrupted),
        Sleep::Interrupted => Err(WaitError::Interrupted),
        _ => Ok(()),
    }
}

/// Looks again and again whether a process has ended that cannot be waited for, for at most `time`.
fn until_seen_ended(registry: &Registry, member: Member, time: Duration) -> Sleep {
    const PAUSE: Duration = Duration::from_millis(5);
    let until = Instant::now() + time;
    loop {
        let rest = until.saturating_duration_since(Instant::now());
        if matches!(member.look(registry), Look::Ended) {
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
    /// Whether this process of the registry's family runs. What forbids the answer is taken neither for an end nor for a life.
    pub(crate) fn look(self, registry: &Registry) -> Look {
        let ended_if = |sure| if sure { Look::Ended } else { Look::Unknown };
        let process = match PidFd::open(self.pid) {
            Ok(None) => return ended_if(registry.counts_alike()),
            Ok(Some(process)) => match process.until_end(Duration::ZERO) {
                Awaited::Ended if self.is_over_at_second_sight(registry) => {
                    return ended_if(registry.counts_alike());
                }
                Awaited::Ended | Awaited::Lost => None,
                Awaited::NotYet(process, _) => Some(process),
            },
            Err(_) if process::is_over(self.pid) => return ended_if(registry.counts_alike()),
            Err(_) => None,
        };
        // Read after the number was opened: what is open cannot become another process in between.
        let Some(stat) = Stat::of(self.pid) else { return Look::Unknown };
        if low_bits(stat.started) != self.started {
            return ended_if(registry.sees_alike());
        }
        // Its first thread has ended; others may live. A tracer's threads keep a process from being seen as ended otherwise.
        if stat.has_ended() {
            match process::course(self.pid) {
                Some(Course::Ended) => return ended_if(registry.sees_alike()),
                None if process.is_none() => return Look::Unknown,
                _ => {}
            }
        }
        Look::Running(process)
    }

    /// Where the threads of the process are going, which ran at the last look. `None`: nothing tells.
    pub(crate) fn course(self, registry: &Registry) -> Option<Course> {
        process::course(self.pid).filter(|_| registry.sees_alike())
    }

    /// Whether a look by another descriptor than the first, which is closed by now, finds the process over too. The first one may have
    /// been misled: another thread closes the descriptor, a third opens something readable, which gets its number.
    fn is_over_at_second_sight(self, registry: &Registry) -> bool {
        if let Some(stat) = Stat::of(self.pid).filter(|_| registry.sees_alike()) {
            return stat.is_over() || low_bits(stat.started) != self.started;
        }
        match PidFd::open(self.pid) {
            Ok(None) => true,
            Ok(Some(process)) => matches!(process.until_end(Duration::ZERO), Awaited::Ended),
            Err(_) => process::is_over(self.pid),
        }
    }
}

/// The part of a start time that an entry keeps.
pub(crate) fn low_bits(started: u64) -> u32 {
    (started & ((1 << STARTED_BITS) - 1)) as u32
}

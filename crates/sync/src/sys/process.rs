//! What the kernel tells of another process. `unsafe`: pidfd_open(2), which libc does not wrap, and calls that ask after a number.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Sleep;

/// A process that has not been reaped, held so that its number cannot come to mean another.
#[derive(Debug)]
pub(crate) struct PidFd(OwnedFd);

impl PidFd {
    /// `None`: there is no process of this number.
    pub(crate) fn open(pid: u32) -> io::Result<Option<Self>> {
        // SAFETY: the call takes two integers and touches no memory.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
        if fd >= 0 {
            // SAFETY: a descriptor that the kernel has just made for us; pidfds are always closed on exec.
            return Ok(Some(Self(unsafe { OwnedFd::from_raw_fd(fd as i32) })));
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ESRCH) => Ok(None),
            error => Err(error),
        }
    }

    /// Waits until every thread of the process has ended, for at most `timeout`.
    pub(crate) fn until_end(self, timeout: Duration) -> Awaited {
        let mut polled = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        let sleep = poll_for(&mut polled, timeout);
        let found = polled[0].revents();
        if sleep != Sleep::Over {
            return Awaited::NotYet(self, sleep);
        }
        let wrong = PollFlags::POLLNVAL | PollFlags::POLLERR;
        if found.is_some_and(|found| found.contains(PollFlags::POLLIN) && !found.intersects(wrong)) {
            return Awaited::Ended;
        }
        // What has its number now, if anything, is another's to close.
        mem::forget(self);
        Awaited::Lost
    }
}

/// What came of a wait for a process's end.
#[derive(Debug)]
pub(crate) enum Awaited {
    /// It has ended, if the descriptor was not closed by another thread, and its number became that of something that can be read.
    Ended,
    NotYet(PidFd, Sleep),
    /// Another thread has closed the descriptor: nothing tells.
    Lost,
}

/// Whether the kernel opens processes as descriptors: since Linux 5.3, if no filter of system calls forbids it.
pub(crate) fn has_pidfds() -> bool {
    // SAFETY: the call takes two integers and touches no memory.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, 0, libc::c_uint::MAX) };
    // There are no such flags, and no process 0: whoever looks at them refuses them. Nothing is opened.
    fd == -1 && Errno::last() == Errno::EINVAL
}

/// Whether no process has this number, or a child of this one that has ended with all of its threads. Takes no descriptor.
pub(crate) fn is_over(pid: u32) -> bool {
    let pid = pid as libc::pid_t;
    // SAFETY: signal 0 is sent to nobody.
    if unsafe { libc::kill(pid, 0) } == -1 {
        return Errno::last() == Errno::ESRCH;
    }
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let how = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    // SAFETY: `info` has room for what the call writes. It leaves the child to whoever waits for it.
    let asked = unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, info.as_mut_ptr(), how) };
    // SAFETY: integers, zeroed or written by the call; the number stays 0 if no child of it has ended.
    asked == 0 && unsafe { info.assume_init().si_pid() } == pid
}

/// Waits for `time`, or a signal.
pub(crate) fn pause(time: Duration) -> Sleep {
    poll_for(&mut [], time)
}

fn poll_for(fds: &mut [PollFd<'_>], timeout: Duration) -> Sleep {
    // Rounded up, so that a wait never ends before its time.
    let millis = (timeout + Duration::from_nanos(999_999)).as_millis();
    match poll(fds, PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX)) {
        Ok(1..) => Sleep::Over,
        Err(Errno::EINTR) => Sleep::Interrupted,
        _ => Sleep::TimedOut,
    }
}

/// A file of /proc. The name of a program or of a thread in it may be any bytes, and is cut wherever the room for it ends.
fn text_of(path: String) -> io::Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}

/// What /proc tells of a process, as of its first thread, or of a thread. `None` wherever it is asked for: it is not there, or
/// cannot be read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stat {
    state: u8,
    flags: u64,
    /// Of the whole process, those that have ended and have not been waited for among them.
    threads: usize,
    /// In ticks since the machine was started.
    pub(crate) started: u64,
}

impl Stat {
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Self::parsed(pid, &text_of(format!("/proc/{pid}/stat")).ok()?)
    }

    fn of_thread(pid: u32, thread: u32) -> Option<Self> {
        Self::parsed(thread, &text_of(format!("/proc/{pid}/task/{thread}/stat")).ok()?)
    }

    /// `None` also if it tells of another than this number: the descriptor that it was read by may have been closed by another thread,
    /// and opened anew.
    fn parsed(number: u32, stat: &str) -> Option<Self> {
        if stat.split(' ').next()?.parse() != Ok(number) {
            return None;
        }
        // The second field, the program's name, may hold blanks and brackets; `after` begins with the third.
        let (_, after) = stat.rsplit_once(") ")?;
        let field = |number: usize| after.split(' ').nth(number - 3);
        Some(Self {
            state: *field(3)?.as_bytes().first()?,
            flags: field(9)?.parse().ok()?,
            threads: field(20)?.parse().ok()?,
            started: field(22)?.parse().ok()?,
        })
    }

    /// Whether the thread runs no more, also in the kernel: it waits to be waited for, at the most.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x')
    }

    /// Whether all threads of the process have ended, of whose first one this is told.
    pub(crate) fn is_over(&self) -> bool {
        self.has_ended() && self.threads <= 1
    }

    /// Whether the thread never comes back from the kernel.
    fn is_ending(&self) -> bool {
        /// The kernel's flag of a thread that is being taken down.
        const PF_EXITING: u64 = 0x4;
        self.has_ended() || self.flags & PF_EXITING != 0
    }

    /// Whether a tracer holds the thread. That may be at its end, before the kernel shows it to be ending.
    fn is_held(&self) -> bool {
        self.state == b't'
    }
}

/// Where the threads of a process are going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// All have ended: nothing of the process runs any more, though it may not have been waited for.
    Ended,
    /// To the process's end: a SIGKILL is on its way, or each thread is ending or in the hands of a tracer.
    Ending,
    /// On.
    On,
}

/// Where the threads of a process are going. `None`: /proc does not tell. Takes one descriptor at a time.
pub(crate) fn course(pid: u32) -> Option<Course> {
    /// Looks, if threads end in the middle of each.
    const LOOKS: usize = 4;
    (0..LOOKS).find_map(|_| course_at_once(pid))
}

fn course_at_once(pid: u32) -> Option<Course> {
    let threads = threads(pid)?;
    let seen: Vec<_> = threads.iter().map(|thread| Stat::of_thread(pid, *thread)).collect();
    let goes_on = seen.iter().flatten().any(|stat| !stat.is_ending() && !stat.is_held());
    // Those that have ended are told apart first: the kill stays pending in them.
    if !goes_on && are_all(pid, &threads, &seen) {
        let have_ended = seen.iter().flatten().all(Stat::has_ended);
        return Some(if have_ended { Course::Ended } else { Course::Ending });
    }
    let kills: Vec<_> = threads.iter().map(|thread| is_kill_pending(pid, *thread)).collect();
    if kills.contains(&Some(true)) {
        return Some(Course::Ending);
    }
    (goes_on && !kills.contains(&None)).then_some(Course::On)
}

/// Whether the process has these threads and no others. The list of one whose threads come and go may lack some: these are all if
/// they are as many as there were at an instant at which each of them was there, as it was seen before it and after it.
fn are_all(pid: u32, threads: &[u32], seen: &[Option<Stat>]) -> bool {
    let count = Stat::of(pid).map(|process| process.threads);
    let is_still = |(thread, before): (&u32, &Option<Stat>)| {
        let now = Stat::of_thread(pid, *thread);
        now.zip(*before).is_some_and(|(now, before)| now.started == before.started)
    };
    count == Some(threads.len()) && threads.iter().zip(seen).all(is_still)
}

/// The numbers of a process's threads, those that have ended and have not been waited for among them.
fn threads(pid: u32) -> Option<Vec<u32>> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    entries.map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Whether a SIGKILL is on its way to the thread, or its process: all of it will end, though it has not yet. `None`: it cannot be
/// read. Of a thread that is no more it is not.
fn is_kill_pending(pid: u32, thread: u32) -> Option<bool> {
    let status = match text_of(format!("/proc/{pid}/task/{thread}/status")) {
        Ok(status) => status,
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) => return Some(false),
        Err(_) => return None,
    };
    let is_its_own =
        |line: &str| line.strip_prefix("Pid:").is_some_and(|number| number.trim().parse() == Ok(thread));
    if !status.lines().any(is_its_own) {
        return None;
    }
    let pending = |line: &str| {
        let set = line.strip_prefix("SigPnd:").or_else(|| line.strip_prefix("ShdPnd:"))?;
        u64::from_str_radix(set.trim(), 16).ok()
    };
    Some(status.lines().filter_map(pending).any(|set| set & 1 << (libc::SIGKILL - 1) != 0))
}

/// Where the facts of /proc that tell processes apart mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Namespaces {
    /// Of process numbers, by inode number.
    pub(crate) pid: u64,
    /// Of clocks, and so of start times, by inode number; 0 before Linux 5.6.
    pub(crate) time: u64,
}

/// The pid namespace of this process, by inode number. `None`: /proc does not tell.
pub(crate) fn pid_namespace() -> Option<u64> {
    fs::metadata("/proc/self/ns/pid").ok().map(|namespace| namespace.ino())
}

/// The namespaces of this process. An error if /proc is missing, or is that of another pid namespace.
pub(crate) fn namespaces() -> io::Result<Namespaces> {
    if fs::read_link("/proc/self")?.to_str() != Some(&std::process::id().to_string()) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let time = match fs::metadata("/proc/self/ns/time_for_children") {
        Ok(_) => fs::metadata("/proc/self/ns/time")?.ino(),
        Err(_) => 0,
    };
    Ok(Namespaces { pid: fs::metadata("/proc/self/ns/pid")?.ino(), time })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_brackets_shifts_no_field() {
        let stat = "7 (a) Z (b) S) t 1 7 7 0 -1 4194564 1 2 3 4 5 6 7 8 20 0 3 0 12345 9 9";
        let stat = Stat::parsed(7, stat).unwrap();
        assert!(stat.is_held() && stat.is_ending() && !stat.has_ended());
        assert_eq!((stat.threads, stat.started), (3, 12345));
        assert!(Stat::parsed(7, "").is_none() && Stat::parsed(7, "7 (a) S 1").is_none());
    }

    #[test]
    fn what_is_told_of_another_number_is_not_believed() {
        let stat = "7 (a) S 1 7 7 0 -1 4194564 1 2 3 4 5 6 7 8 20 0 1 0 12345 9 9";
        assert!(Stat::parsed(7, stat).is_some() && Stat::parsed(8, stat).is_none());
    }

    #[test]
    fn this_process_goes_on() {
        let pid = std::process::id();
        assert_eq!(course(pid), Some(Course::On));
        assert!(!is_over(pid));
        assert!(has_pidfds());
    }
}

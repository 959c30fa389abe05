//! Processes as `/proc` shows them.

use std::fs;
use std::io;

use nix::sys::signal::Signal;

use crate::sys;

/// Whether a process has the number `pid`: also one that has ended, as long as nobody has reaped it.
///
/// Whether one still runs is what [`is_running`] tells. An orphan's remains may stay for good: not every first
/// process of a container reaps.
pub fn process_exists(pid: u32) -> bool {
    Stat::of(pid).is_some()
}

/// Whether the process `pid` exists and has not ended.
pub fn is_running(pid: u32) -> bool {
    Stat::of(pid).is_some_and(|stat| stat.runs())
}

/// The state of a process as the kernel writes it: `R` running, `S` sleeping, `D` in the kernel, `T` stopped, `Z`
/// ended but not reaped. `None` if there is no such process.
pub fn state_of(pid: u32) -> Option<char> {
    Stat::of(pid).map(|stat| stat.state)
}

/// The children of a process, in order of their numbers, with those that have ended but are not reaped.
pub fn children_of(pid: u32) -> Vec<u32> {
    Stat::all().into_iter().filter(|stat| stat.parent == pid).map(|stat| stat.pid).collect()
}

/// Sends a signal.
///
/// # Errors
///
/// The kernel's refusal; a `pid` that is no process's, as 0, which would mean the whole group.
pub fn kill(pid: u32, signal: Signal) -> io::Result<()> {
    sys::kill(pid, signal)
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Debug)]
pub(crate) struct Stat {
    pub(crate) pid: u32,
    pub(crate) name: String,
    pub(crate) state: char,
    pub(crate) parent: u32,
    /// In clock ticks since boot: with the number, it is this process and no later one.
    pub(crate) started: u64,
    /// Whether it has memory that does not hold its environment yet: it begins to execute a program.
    pub(crate) begins: bool,
}

impl Stat {
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    pub(crate) fn this() -> Self {
        Self::of(std::process::id()).expect("/proc is mounted")
    }

    /// Every process, in order of their numbers.
    pub(crate) fn all() -> Vec<Self> {
        let mut all: Vec<Self> = numbers_in("/proc").into_iter().filter_map(Self::of).collect();
        all.sort_by_key(|stat| stat.pid);
        all
    }

    pub(crate) fn runs(&self) -> bool {
        !matches!(self.state, 'Z' | 'X')
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        // The name stands in parentheses and may hold any, so the last one ends it.
        let (pid, rest) = text.split_once(" (")?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // By their numbers in proc_pid_stat(5); the state is the third.
        let field = |number: usize| fields.get(number - 3);
        let is_zero = |number| field(number).is_none_or(|text| *text == "0");
        Some(Self {
            pid: pid.parse().ok()?,
            name: name.to_owned(),
            state: field(3)?.chars().next()?,
            parent: field(4)?.parse().ok()?,
            started: field(22)?.parse().ok()?,
            begins: !is_zero(23) && is_zero(50),
        })
    }
}

/// The entries of a folder of `/proc` whose names are numbers.
pub(crate) fn numbers_in(folder: &str) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::eventually;

    #[test]
    fn a_name_may_hold_parentheses() {
        let tail = "1 1 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 777 0";
        let stat = Stat::parse(&format!("42 (a) S (b) R 7 {tail}")).unwrap();
        assert_eq!((stat.pid, stat.name.as_str(), stat.state), (42, "a) S (b", 'R'));
        assert_eq!((stat.parent, stat.started), (7, 777));
        assert!(!Stat::this().begins);
    }

    #[test]
    fn nothing_is_read_from_a_torn_line() {
        for text in ["", "42", "42 (a", "42 (a) ", "42 (a) R", "42 (a) R 7 1"] {
            assert!(Stat::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_child_is_seen_from_its_start_until_it_is_reaped() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        assert!(is_running(pid) && process_exists(pid));
        assert!(children_of(std::process::id()).contains(&pid));

        kill(pid, Signal::SIGKILL).unwrap();
        eventually("the child has ended", || state_of(pid) == Some('Z'));
        assert!(!is_running(pid) && process_exists(pid));

        child.wait().unwrap();
        assert!(!process_exists(pid));
        assert_eq!(state_of(pid), None);
    }

    #[test]
    fn groups_of_processes_are_not_killed() {
        for pid in [0, u32::MAX] {
            assert_eq!(kill(pid, Signal::SIGTERM).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }
}

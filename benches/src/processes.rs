//! The processes that a contender consists of, as `/proc` shows them.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;

use crate::Result;
use crate::placement::{self, Cpu};

/// A process and all that it started, directly or not.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The root comes first.
    members: Vec<Pid>,
}

impl Tree {
    pub(crate) fn of(root: Pid) -> Result<Self> {
        let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
        for pid in numbers("/proc")? {
            // One that has ended since it was listed has no parent any more.
            if let Some(parent) = parent(pid) {
                children.entry(parent).or_default().push(pid);
            }
        }
        let mut members = vec![root];
        let mut looked_at = 0;
        while let Some(member) = members.get(looked_at) {
            let found = children.remove(member).unwrap_or_default();
            members.extend(found);
            looked_at += 1;
        }
        Ok(Self { members })
    }

    /// Confines every process but the root to a processor, all its threads.
    pub(crate) fn pin_workers(&self, far: Cpu) -> Result<()> {
        for worker in &self.members[1..] {
            for thread in threads(*worker)? {
                placement::pin(thread, far)?;
            }
        }
        Ok(())
    }

    /// Whether some thread is confined to this processor.
    pub(crate) fn has_thread_on(&self, cpu: Cpu) -> Result<bool> {
        for member in &self.members {
            for thread in threads(*member)? {
                if placement::allowed(thread)? == [cpu] {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The processor time that its members have used so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        let used = |pid: &Pid| {
            let clock = ClockId::pid_cpu_clock_id(*pid).ok()?;
            clock.now().ok().map(Duration::from)
        };
        self.members.iter().filter_map(used).sum()
    }
}

fn threads(process: Pid) -> Result<Vec<Pid>> {
    numbers(&format!("/proc/{process}/task"))
}

/// The entries of a folder that are numbers; none if it is gone, as with a process that has ended.
fn numbers(folder: &str) -> Result<Vec<Pid>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| format!("cannot list {folder}: {error}"))?,
    };
    Ok(entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .map(Pid::from_raw)
        .collect())
}

fn parent(pid: Pid) -> Option<Pid> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold some itself; state and parent follow the last one.
    let (_, after_name) = stat.rsplit_once(')')?;
    let parent = after_name.split_whitespace().nth(1)?;
    parent.parse().ok().map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_is_found_pinned_and_told_from_its_parent() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(child.id() as i32);
        let tree = Tree::of(Pid::this()).unwrap();
        assert_eq!(tree.members[0], Pid::this());
        assert!(tree.members.contains(&pid));
        let cpu = *placement::allowed(pid).unwrap().last().unwrap();
        let only_child = Tree { members: vec![Pid::this(), pid] };
        only_child.pin_workers(cpu).unwrap();
        assert_eq!(placement::allowed(pid).unwrap(), [cpu]);
        assert!(only_child.has_thread_on(cpu).unwrap());
        drop(child.stdin.take());
        child.wait().unwrap();
    }

    #[test]
    fn processor_time_grows_with_work() {
        let tree = Tree { members: vec![Pid::this()] };
        let before = tree.cpu_time();
        while tree.cpu_time() == before {
            std::hint::spin_loop();
        }
        assert!(tree.cpu_time() > before);
    }
}

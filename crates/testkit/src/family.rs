//! Descendants of a process, also those whose own parents are gone.

use std::collections::BTreeSet;
use std::fs;

use crate::process::Stat;
use crate::until::{LIMIT, holds_within};

/// A variable that no other process has in its environment; whoever has it descends from its giver.
///
/// It finds descendants whose parents are gone. Not those that were started with a cleared environment, nor forks
/// that have not executed a program.
#[derive(Clone, Debug)]
pub(crate) struct Mark(String);

impl Mark {
    /// `kind` keeps the marks of one process apart.
    pub(crate) fn new(kind: &str) -> Self {
        let Stat { pid, started, .. } = Stat::this();
        Self(format!("MULTIPROC_TESTKIT_{kind}_{pid}_{started}"))
    }

    pub(crate) fn variable(&self) -> &str {
        &self.0
    }

    fn is_on(&self, pid: u32) -> bool {
        let mut environment = Vec::new();
        holds_within(LIMIT, || {
            match fs::read(format!("/proc/{pid}/environ")) {
                Ok(read) => environment = read,
                Err(_) => return true, // it has ended, or is another user's
            }
            !environment.is_empty() || !Stat::of(pid).is_some_and(|stat| stat.begins)
        });
        environment.split(|byte| *byte == 0).any(|variable| {
            variable.strip_prefix(self.0.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
        })
    }

    /// The processes that have the mark, and their descendants.
    pub(crate) fn bearers(&self) -> Vec<Stat> {
        family(|stat| self.is_on(stat.pid))
    }
}

/// The processes for which `is_member` holds, and all their descendants; this process is never one.
pub(crate) fn family(is_member: impl Fn(&Stat) -> bool) -> Vec<Stat> {
    let this = std::process::id();
    let all = Stat::all();
    let mut pids: BTreeSet<u32> = all.iter().filter(|stat| is_member(stat)).map(|stat| stat.pid).collect();
    loop {
        let before = pids.len();
        let children = all.iter().filter(|stat| pids.contains(&stat.parent)).map(|stat| stat.pid);
        pids.extend(children.collect::<Vec<_>>());
        if pids.len() == before {
            break;
        }
    }
    all.into_iter().filter(|stat| pids.contains(&stat.pid) && stat.pid != this).collect()
}

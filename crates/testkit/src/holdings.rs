//! What a process has at one moment, and might leave behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::descriptors::open_descriptors;
use crate::family::{Mark, family};
use crate::process::{Stat, numbers_in};
use crate::temp;
use crate::{own_shm, own_threads};

const SHM: &str = "/dev/shm";

/// One thing that this process has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holding {
    /// A descendant: the number and the time of its start.
    Process { pid: u32, started: u64 },
    /// An open descriptor and what it refers to.
    Descriptor { number: u32, target: String },
    /// A thread of this process.
    Thread { number: u32 },
    /// An entry of `/dev/shm`.
    Shm { name: String },
    /// A file in a test's own folder, or the folder.
    File { path: String },
}

/// All that this process has, each with words for people.
#[derive(Debug, Default)]
pub(crate) struct Holdings(BTreeMap<Holding, String>);

impl Holdings {
    /// What there is now. Descendants whose parents are gone are known by `mark`.
    pub(crate) fn now(mark: &Mark) -> Self {
        let mut all = Self::default();
        all.add_processes(mark);
        all.add_descriptors();
        all.add_threads();
        all.add_shm();
        all.0.extend(temp::contents().into_iter().map(|path| {
            let path = path.display().to_string();
            (Holding::File { path: path.clone() }, format!("file {path}"))
        }));
        all
    }

    /// What came since `before` and stays with this process.
    pub(crate) fn since(mut self, before: &Self) -> Self {
        self.0.retain(|holding, _| !before.0.contains_key(holding));
        let shm = self.0.keys().filter_map(|holding| match holding {
            Holding::Shm { name } => Some(name.clone()),
            _ => None,
        });
        let of_others = held_by_others(&shm.collect(), &self.pids());
        self.0.retain(|holding, _| !matches!(holding, Holding::Shm { name } if of_others.contains(name)));
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The processes among them.
    pub(crate) fn pids(&self) -> BTreeSet<u32> {
        self.0
            .keys()
            .filter_map(|holding| match holding {
                Holding::Process { pid, .. } => Some(*pid),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(String::as_str)
    }

    fn add_processes(&mut self, mark: &Mark) {
        let this = std::process::id();
        let descendants = family(|stat| stat.parent == this);
        for Stat { pid, name, state, parent, started, .. } in mark.bearers().into_iter().chain(descendants) {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace('\0', " ");
            let words =
                format!("process {pid} ({name}), state {state}, child of {parent}: {}", command.trim_end());
            self.0.insert(Holding::Process { pid, started }, words);
        }
    }

    fn add_descriptors(&mut self) {
        for (number, target) in open_descriptors() {
            let words = format!("descriptor {number} -> {target}");
            self.0.insert(Holding::Descriptor { number, target }, words);
        }
    }

    fn add_threads(&mut self) {
        for number in
            numbers_in("/proc/self/task").into_iter().filter(|number| !own_threads::includes(*number))
        {
            let name = fs::read_to_string(format!("/proc/self/task/{number}/comm")).unwrap_or_default();
            self.0.insert(Holding::Thread { number }, format!("thread {number} ({})", name.trim_end()));
        }
    }

    /// All of the user's where the folder is this program's own; else those that bear its number: another's may come and go at any time.
    fn add_shm(&mut self) {
        let is_own = own_shm::is_own();
        let user = fs::metadata("/proc/self").map(|this| this.uid()).ok();
        for entry in fs::read_dir(SHM).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.metadata().map(|entry| entry.uid()).ok() == user && (is_own || bears_this_number(&name))
            {
                let words = format!("entry {SHM}/{name}");
                self.0.insert(Holding::Shm { name }, words);
            }
        }
    }
}

/// Whether the name of an entry has the number of this process in it.
fn bears_this_number(name: &str) -> bool {
    let this = std::process::id().to_string();
    name.split(|at: char| !at.is_ascii_digit()).any(|number| number == this)
}

/// Those of `names` in `/dev/shm` that a living process has open or mapped which is neither this one nor in `ours`.
fn held_by_others(names: &BTreeSet<String>, ours: &BTreeSet<u32>) -> BTreeSet<String> {
    let this = std::process::id();
    let mut held = BTreeSet::new();
    if names.is_empty() {
        return held;
    }
    for Stat { pid, .. } in Stat::all().iter().filter(|stat| stat.pid != this && !ours.contains(&stat.pid)) {
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        let folder = format!("/proc/{pid}/fd");
        let links =
            numbers_in(&folder).into_iter().filter_map(|fd| fs::read_link(format!("{folder}/{fd}")).ok());
        let open: BTreeSet<String> = links.map(|link| link.to_string_lossy().into_owned()).collect();
        let holds = |name: &&String| {
            let path = format!("{SHM}/{name}");
            open.contains(&path) || maps.lines().any(|line| line.ends_with(&path))
        };
        held.extend(names.iter().filter(holds).cloned());
    }
    held
}

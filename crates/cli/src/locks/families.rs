//! The registries that processes have mapped, and what they tell.

use std::collections::{BTreeSet, HashMap};

use multiproc_sync::registry::inspect::{Life, Snapshot, Thread};

use super::Family;
use super::files::Files;
use crate::maps::{Mappings, Place, kind_of_segment};

/// What the kernel calls a registry, behind what it calls all segments.
const REGISTRY: &str = "registry";

/// A registry that could be read.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The number of its file.
    pub(super) number: u64,
    pub(super) snapshot: Snapshot,
    mappings: &'a Mappings,
    place: Place,
}

/// All registries.
#[derive(Debug)]
pub(super) struct Families<'a> {
    known: Vec<Known<'a>>,
    /// The family of each process.
    of_process: HashMap<u32, usize>,
}

/// Reads them; also tells what is to be said of each.
pub(super) fn families<'a>(mappings: &'a Mappings, files: &Files) -> (Families<'a>, Vec<Family>) {
    let is_registry = |path: &str| kind_of_segment(path) == Some(REGISTRY);
    let mut registries: Vec<_> = mappings.files.iter().filter(|(_, file)| is_registry(&file.path)).collect();
    registries.sort_by_key(|(place, _)| **place);
    let mut families = Families { known: Vec::new(), of_process: HashMap::new() };
    let mut told = Vec::new();
    for (place, file) in registries {
        let number = place.1;
        let read = match files.open(place) {
            Some(file) => Snapshot::read(&file).map_err(|error| error.to_string()),
            None => Err("this user may not open it".to_owned()),
        };
        let error = read.as_ref().err().cloned();
        let snapshot = read.as_ref().ok();
        told.push(Family {
            registry: number,
            is_watched: snapshot.is_some_and(Snapshot::is_watched),
            is_of_this_namespace: snapshot.is_some_and(Snapshot::is_of_these_namespaces),
            changing_threads: snapshot
                .map_or(0, |snapshot| snapshot.threads().iter().filter(|thread| thread.is_changing).count()),
            error,
        });
        let Ok(snapshot) = read else { continue };
        for pid in &file.pids {
            // A process has one; of one that has mapped a forged one besides, the first that can be read counts.
            families.of_process.entry(*pid).or_insert(families.known.len());
        }
        families.known.push(Known { number, snapshot, mappings, place: *place });
    }
    (families, told)
}

impl<'a> Families<'a> {
    pub(super) fn all(&self) -> &[Known<'a>] {
        &self.known
    }

    /// The family of a process.
    pub(super) fn of_process(&self, pid: u32) -> Option<&Known<'a>> {
        self.known.get(*self.of_process.get(&pid)?)
    }

    /// The families of those who map a segment.
    pub(super) fn of_segment(&self, mappings: &Mappings, place: &Place) -> impl Iterator<Item = &Known<'a>> {
        let pids = mappings.files.get(place).into_iter().flat_map(|mapped| &mapped.pids);
        let found: BTreeSet<_> = pids.filter_map(|pid| self.of_process.get(pid)).collect();
        found.into_iter().filter_map(|family| self.known.get(*family))
    }
}

impl Known<'_> {
    /// Whether the process with this number has the registry mapped, and numbers mean the same here: what is in the registry only says so.
    pub(super) fn has(&self, pid: u32) -> bool {
        let mapped = self.mappings.files.get(&self.place);
        self.snapshot.is_of_these_namespaces() && mapped.is_some_and(|mapped| mapped.pids.contains(&pid))
    }

    /// The threads that live, of processes that are there.
    pub(super) fn living(&self) -> impl Iterator<Item = &Thread> {
        let has_died = |pid| {
            let mut members = self.snapshot.members().iter().filter(move |member| member.pid == pid);
            members.all(|member| member.life == Life::Dead)
        };
        self.snapshot.threads().iter().filter(move |thread| {
            !thread.has_left && thread.tid != 0 && self.has(thread.pid) && !has_died(thread.pid)
        })
    }
}

//! The processes of a family, as its registry has them.

use super::layout::u64_at;
use crate::identity::{Claim, low_bits};
use crate::registry::entry::{Occupant, ProcessEntry};
use crate::sys::process::{self, Namespaces, Stat};

/// Whether a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Life {
    /// It runs.
    Alive,
    /// It has ended with all of its threads; its number may be another's by now.
    Dead,
    /// Nothing tells: the family is in other namespaces than this process, or `/proc` does not show it.
    Unknown,
}

/// A process that has a name in the family. It is not forgotten when it ends, until its entry goes to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Its number, in the family's pid namespace.
    pub pid: u32,
    /// The low 26 bits of its start time, in ticks.
    pub started: u32,
    /// Whether it lived when it was looked at.
    pub life: Life,
    pub(super) claim: Claim,
}

/// The processes in a copy of the section, those of this process's namespaces looked at.
pub(super) fn members(section: &[u8], namespaces: Option<Namespaces>) -> Vec<Member> {
    let entries = section.chunks_exact(size_of::<ProcessEntry>()).enumerate();
    let occupied = entries.map(|(index, entry)| (index, Occupant::unpacked(u64_at(entry, 0))));
    occupied
        .filter(|(_, occupant)| occupant.pid != 0)
        .map(|(index, occupant)| {
            let Occupant { pid, started, generation } = occupant;
            let life = if namespaces.is_some() { life(pid, started) } else { Life::Unknown };
            Member { pid, started, life, claim: Claim { index: index as u16, generation } }
        })
        .collect()
}

fn life(pid: u32, started: u32) -> Life {
    match Stat::of(pid) {
        Some(stat) if low_bits(stat.started) == started && !stat.is_over() => Life::Alive,
        Some(_) => Life::Dead,
        // `/proc` may be one that hides the processes of others.
        None if process::is_over(pid) => Life::Dead,
        None => Life::Unknown,
    }
}

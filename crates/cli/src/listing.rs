//! `multiproc ls`.

use std::io::{self, Write};

use serde::Serialize;

use crate::failure::Failure;
use crate::locks::{self, Locks};
use crate::maps::{Mappings, Process, kind_of_segment};
use crate::named::{self, Segment};
use crate::{table, units};

/// What a family's values lie in.
const VALUES: &str = "shm";

/// So many processes are named in a cell.
const SHOWN: usize = 4;

/// Everything there is.
#[derive(Debug, Serialize)]
struct Listing {
    named: Vec<Segment>,
    anonymous: Vec<Anonymous>,
    #[serde(flatten)]
    locks: Locks,
    /// Processes of which it cannot be told what they map.
    unreadable_processes: usize,
}

/// A segment without a name, of a family.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Anonymous {
    kind: String,
    /// Up to the end of the last page that is mapped.
    bytes: u64,
    /// The number of its file, by which two lines of different processes can be told to be of one segment.
    inode: u64,
    mapped_by: Vec<Process>,
}

pub(crate) fn show(json: bool, all: bool, out: &mut dyn Write) -> Result<(), Failure> {
    let mappings = Mappings::read()?;
    let listing = Listing {
        named: named::segments(all, &mappings)?,
        anonymous: anonymous(&mappings),
        locks: locks::locks(&mappings),
        unreadable_processes: mappings.unreadable,
    };
    if json {
        serde_json::to_writer_pretty(&mut *out, &listing).map_err(|error| Failure::Write(error.into()))?;
        writeln!(out).map_err(Failure::Write)
    } else {
        tables(&listing, out).map_err(Failure::Write)
    }
}

fn anonymous(mappings: &Mappings) -> Vec<Anonymous> {
    let kind = |path: &str| {
        let name = kind_of_segment(path)?;
        Some(if name == VALUES { "value" } else { name }.to_owned())
    };
    let found = mappings.files.iter().filter_map(|(place, mapped)| {
        let kind = kind(&mapped.path)?;
        Some(Anonymous { kind, bytes: mapped.bytes, inode: place.1, mapped_by: mappings.of(place) })
    });
    let mut found: Vec<_> = found.collect();
    found.sort_by(|one, other| (&one.kind, one.inode).cmp(&(&other.kind, other.inode)));
    found
}

fn tables(listing: &Listing, out: &mut dyn Write) -> io::Result<()> {
    let named = listing.named.iter().map(|segment| {
        [
            segment.name.clone(),
            units::size(segment.bytes),
            segment.owner.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string),
            segment.state.word().to_owned(),
            segment.user.name.clone().unwrap_or_else(|| segment.user.id.to_string()),
            segment.age_seconds.map_or_else(|| "?".to_owned(), units::age),
            processes(&segment.mapped_by),
        ]
    });
    let headings = ["NAME", "SIZE", "OWNER", "STATE", "USER", "AGE", "MAPPED BY"];
    table::write("NAMED SEGMENTS", headings, &named.collect::<Vec<_>>(), out)?;
    writeln!(out)?;
    let anonymous = listing.anonymous.iter().map(|segment| {
        let kind = segment.kind.clone();
        [kind, units::size(segment.bytes), segment.inode.to_string(), processes(&segment.mapped_by)]
    });
    let headings = ["KIND", "SIZE", "NUMBER", "MAPPED BY"];
    table::write("SEGMENTS WITHOUT NAMES", headings, &anonymous.collect::<Vec<_>>(), out)?;
    writeln!(out)?;
    locks::show(&listing.locks, out)?;
    if listing.unreadable_processes > 0 {
        writeln!(
            out,
            "\nprocesses that do not tell this user what they map: {}",
            listing.unreadable_processes
        )?;
    }
    Ok(())
}

/// Those who map a segment, for a cell.
pub(crate) fn processes(all: &[Process]) -> String {
    if all.is_empty() {
        return "nobody".to_owned();
    }
    let shown: Vec<_> = all.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = all.len() - shown.len();
    let end = if more > 0 { format!(" and {more} more") } else { String::new() };
    shown.join(", ") + &end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::maps::Mapped;

    fn process(pid: u32) -> Process {
        Process { pid, program: Some("cat".to_owned()) }
    }

    #[test]
    fn many_processes_fit_into_a_cell() {
        let all: Vec<_> = (1..=6).map(process).collect();
        assert_eq!(processes(&[]), "nobody");
        assert_eq!(processes(&all[..2]), "1 cat, 2 cat");
        assert_eq!(processes(&all), "1 cat, 2 cat, 3 cat, 4 cat and 2 more");
    }

    #[test]
    fn segments_of_families_are_told_by_their_names() {
        let mut mappings = Mappings::default();
        let paths = [
            "/memfd:multiproc-shm (deleted)",
            "/memfd:multiproc-registry (deleted)",
            "/memfd:other (deleted)",
            "/dev/shm/multiproc-shm",
        ];
        for (number, path) in paths.iter().enumerate() {
            let mapped =
                Mapped { path: (*path).to_owned(), bytes: 4096, pids: [u32::MAX - number as u32].into() };
            mappings.files.insert(((0, 1), number as u64), mapped);
        }
        let found = anonymous(&mappings);
        let kinds: Vec<_> = found.iter().map(|one| (one.kind.as_str(), one.inode)).collect();
        assert_eq!(kinds, [("registry", 1), ("value", 0)]);
        assert_eq!(found[0].mapped_by, [Process { pid: u32::MAX - 1, program: None }]);
    }
}

//! Who maps which file, as `/proc/*/maps` tells.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::ops::Range;

use serde::Serialize;

use crate::failure::Failure;

/// A process, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// `None`: it has ended meanwhile.
    pub(crate) program: Option<String>,
}

impl Process {
    pub(crate) fn of(pid: u32) -> Self {
        let name = fs::read(format!("/proc/{pid}/comm")).ok();
        Self { pid, program: name.map(|name| String::from_utf8_lossy(&name).trim_end().to_owned()) }
    }
}

impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.program {
            Some(program) => write!(f, "{} {program}", self.pid),
            None => write!(f, "{}", self.pid),
        }
    }
}

/// The device, major and minor, and the number of a file.
pub(crate) type Place = ((u64, u64), u64);

/// A file that somebody has mapped shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mapped {
    /// As the kernel calls it.
    pub(crate) path: String,
    /// How much of the file is mapped, up to the last page that anybody has.
    pub(crate) bytes: u64,
    pub(crate) pids: BTreeSet<u32>,
}

/// Before what the kernel calls the segments of families.
const ANONYMOUS: &str = "/memfd:multiproc-";

/// Behind it.
const DELETED: &str = " (deleted)";

/// What kind of segment of a family the kernel calls so; `None`: it is none.
pub(crate) fn kind_of_segment(path: &str) -> Option<&str> {
    path.strip_prefix(ANONYMOUS)?.strip_suffix(DELETED)
}

/// Where a process has a piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) addresses: Range<u64>,
    /// Of its beginning, in the file.
    pub(crate) offset: u64,
    pub(crate) place: Place,
}

impl Region {
    /// Where in the file this address lies.
    pub(crate) fn offset_of(&self, address: u64) -> Option<u64> {
        self.addresses.contains(&address).then(|| address - self.addresses.start + self.offset)
    }

    /// Where this place of the file is mapped.
    pub(crate) fn address_of(&self, offset: u64) -> Option<u64> {
        let address = self.addresses.start.checked_add(offset.checked_sub(self.offset)?)?;
        self.addresses.contains(&address).then_some(address)
    }
}

/// All mappings of the machine that this user may see.
#[derive(Debug, Default)]
pub(crate) struct Mappings {
    pub(crate) files: HashMap<Place, Mapped>,
    /// Of each process that has any, where it has segments of families.
    pub(crate) regions: BTreeMap<u32, Vec<Region>>,
    /// How many processes there are besides.
    pub(crate) unreadable: usize,
}

impl Mappings {
    pub(crate) fn read() -> Result<Self, Failure> {
        let failed = |source| Failure::Read { what: "/proc", source };
        let mut mappings = Self::default();
        for entry in fs::read_dir("/proc").map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else { continue };
            match fs::read(format!("/proc/{pid}/maps")) {
                Ok(text) => mappings.add(pid, &String::from_utf8_lossy(&text)),
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => mappings.unreadable += 1,
                Err(_) => {} // it has ended
            }
        }
        Ok(mappings)
    }

    /// Who has the file mapped.
    pub(crate) fn of(&self, place: &Place) -> Vec<Process> {
        let pids = self.files.get(place).map(|mapped| &mapped.pids);
        pids.into_iter().flatten().map(|pid| Process::of(*pid)).collect()
    }

    fn add(&mut self, pid: u32, text: &str) {
        for (region, path) in text.lines().filter_map(shared) {
            let mapped = self.files.entry(region.place).or_default();
            mapped.bytes =
                mapped.bytes.max(region.offset.saturating_add(region.addresses.end - region.addresses.start));
            mapped.pids.insert(pid);
            path.clone_into(&mut mapped.path);
            if kind_of_segment(path).is_some() {
                self.regions.entry(pid).or_default().push(region);
            }
        }
    }
}

/// A line that is a shared mapping of a file, and the file's path.
fn shared(line: &str) -> Option<(Region, &str)> {
    let (addresses, rest) = line.split_once(' ')?;
    let (rights, rest) = rest.split_once(' ')?;
    let (offset, rest) = rest.split_once(' ')?;
    let (device, rest) = rest.split_once(' ')?;
    let (inode, path) = rest.split_once(' ').unwrap_or((rest, ""));
    let hex = |text| u64::from_str_radix(text, 16).ok();
    let (start, end) = addresses.split_once('-')?;
    let (major, minor) = device.split_once(':')?;
    let inode = inode.parse().ok().filter(|inode| *inode > 0)?;
    if !rights.ends_with('s') {
        return None;
    }
    let (start, end) = (hex(start)?, hex(end)?);
    let place = ((hex(major)?, hex(minor)?), inode);
    (start <= end)
        .then_some((Region { addresses: start..end, offset: hex(offset)?, place }, path.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
7f10-7f30 r--p 00000000 fe:00 1043 /usr/lib/libc.so
7f30000-7f33000 rw-s 00000000 00:1b 77                         /dev/shm/a b (deleted)
7f40000-7f41000 r--s 00005000 00:1b 77                         /dev/shm/a b (deleted)
7f50000-7f52000 rw-s 00000000 00:01 9 /memfd:multiproc-registry (deleted)
7f60000-7f61000 rw-s 00000000 00:00 0
what is no line
";

    #[test]
    fn shared_mappings_of_files_are_found() {
        let mut mappings = Mappings::default();
        mappings.add(5, TEXT);
        mappings.add(6, TEXT.lines().nth(3).unwrap());
        assert_eq!(mappings.files.len(), 2);
        let named = &mappings.files[&((0, 0x1b), 77)];
        assert_eq!((named.path.as_str(), named.bytes), ("/dev/shm/a b (deleted)", 0x6000));
        assert_eq!(named.pids, [5].into());
        assert_eq!(mappings.files[&((0, 1), 9)].pids, [5, 6].into());
        assert!(mappings.of(&((0, 1), 10)).is_empty());
        let [region] = &mappings.regions[&6][..] else { panic!("the segments of families alone") };
        assert_eq!((region.place, region.addresses.clone()), (((0, 1), 9), 0x7f50000..0x7f52000));
        assert_eq!([0x7f4ffff, 0x7f50008, 0x7f52000].map(|at| region.offset_of(at)), [None, Some(8), None]);
        let second = Region { offset: 0x1000, ..region.clone() };
        let addresses = [0xfff, 0x1000, 0x2fff, 0x3000, u64::MAX].map(|at| second.address_of(at));
        assert_eq!(addresses, [None, Some(0x7f50000), Some(0x7f51fff), None, None]);
    }

    #[test]
    fn this_process_can_be_read() {
        let pid = std::process::id();
        let mappings = Mappings::read().unwrap();
        assert!(mappings.files.values().all(|mapped| !mapped.pids.is_empty()));
        assert!(Process::of(pid).program.is_some());
        assert_eq!(Process::of(u32::MAX), Process { pid: u32::MAX, program: None });
    }
}

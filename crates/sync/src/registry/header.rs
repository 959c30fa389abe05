//! The first page of a registry: what it is, whose, and where its sections are.

use std::mem::{offset_of, size_of};

use super::RegistryError;
use super::entry::{ProcessEntry, ThreadEntry};
use super::inspect::layout::{tables, u32_at, u64_at};
use super::{MAX_PROCESSES, MAX_THREADS};
use crate::primitive::AtomicU32;
use crate::sys::process::Namespaces;

/// `mpregist`, little endian.
const MAGIC: u64 = u64::from_le_bytes(super::MAGIC);

/// Of the header and of the entries that this version knows.
const VERSION: u32 = 1;

/// How many sections a header has room for.
const SECTIONS: usize = 32;

/// Everything before the first section, in bytes.
pub(super) const HEADER_LEN: usize = 4096;

/// What a section holds.
const PROCESSES: u32 = 1;
const THREADS: u32 = 2;
/// Of the feature `watch`: one entry.
const SIDE_TABLES: u32 = 3;

/// A run of entries of one kind. Kinds to come get numbers of their own; who does not
/// know a kind passes over it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Section {
    kind: u32,
    /// Of one entry, in bytes.
    stride: u32,
    /// From the header's beginning, in bytes.
    offset: u64,
    count: u64,
}

const NONE: Section = Section { kind: 0, stride: 0, offset: 0, count: 0 };

/// The section of side tables.
const fn side_tables(offset: usize) -> Section {
    Section { kind: SIDE_TABLES, stride: tables::LEN as u32, offset: offset as u64, count: 1 }
}

/// ```text
///  0  magic          u64
///  8  version        u32
/// 12  section count  u32
/// 16  length         u64   of everything, in bytes
/// 24  pid namespace  u64   inode number of the first process's
/// 32  processes used u32   entries from here on were never claimed
/// 36  threads used   u32
/// 40  time namespace u64   likewise
/// 48  reserved       16 bytes, 0
/// 64  sections       32 x { kind u32, stride u32, offset u64, count u64 }
/// ```
#[repr(C)]
#[derive(Debug)]
pub(super) struct Header {
    magic: u64,
    version: u32,
    section_count: u32,
    length: u64,
    pub(super) pid_namespace: u64,
    pub(super) processes_used: AtomicU32,
    pub(super) threads_used: AtomicU32,
    pub(super) time_namespace: u64,
    reserved: [u64; 2],
    sections: [Section; SECTIONS],
}

const _: () = assert!(size_of::<Header>() <= HEADER_LEN);

/// Where the list of sections begins.
const SECTIONS_AT: usize = offset_of!(Header, sections);

const fn section<T>(kind: u32, offset: usize, count: usize) -> Section {
    Section { kind, stride: size_of::<T>() as u32, offset: offset as u64, count: count as u64 }
}

const PROCESSES_AT: usize = HEADER_LEN;
const THREADS_AT: usize = PROCESSES_AT + MAX_PROCESSES * size_of::<ProcessEntry>();

/// Of a registry with the sections of this version, in bytes.
pub(super) const LEN: usize = THREADS_END + SIDE_TABLES_LEN;

const THREADS_END: usize = THREADS_AT + MAX_THREADS * size_of::<ThreadEntry>();

const SIDE_TABLES_LEN: usize = if cfg!(feature = "watch") { tables::LEN } else { 0 };

/// Where the sections of a registry are, from its beginning.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) processes: usize,
    pub(super) threads: usize,
    /// `None`: its maker knows of none.
    pub(super) side_tables: Option<usize>,
}

impl Header {
    /// The header of a new registry.
    pub(super) fn new(namespaces: Namespaces) -> Self {
        let mut sections = [NONE; SECTIONS];
        sections[0] = section::<ProcessEntry>(PROCESSES, PROCESSES_AT, MAX_PROCESSES);
        sections[1] = section::<ThreadEntry>(THREADS, THREADS_AT, MAX_THREADS);
        if cfg!(feature = "watch") {
            sections[2] = side_tables(THREADS_END);
        }
        Self {
            magic: MAGIC,
            version: VERSION,
            section_count: if cfg!(feature = "watch") { 3 } else { 2 },
            length: LEN as u64,
            pid_namespace: namespaces.pid,
            time_namespace: namespaces.time,
            processes_used: AtomicU32::new(0),
            threads_used: AtomicU32::new(0),
            reserved: [0; 2],
            sections,
        }
    }

    /// A header of these bytes, whatever is in them.
    pub(super) fn of_bytes(bytes: &[u8; HEADER_LEN]) -> Self {
        let at = |place| u64_at(bytes, place);
        let section = |index| {
            let from = SECTIONS_AT + index * size_of::<Section>();
            Section {
                kind: u32_at(bytes, from),
                stride: u32_at(bytes, from + 4),
                offset: at(from + 8),
                count: at(from + 16),
            }
        };
        Self {
            magic: at(0),
            version: u32_at(bytes, 8),
            section_count: u32_at(bytes, 12),
            length: at(16),
            pid_namespace: at(24),
            processes_used: AtomicU32::new(u32_at(bytes, 32)),
            threads_used: AtomicU32::new(u32_at(bytes, 36)),
            time_namespace: at(40),
            reserved: [at(48), at(56)],
            sections: std::array::from_fn(section),
        }
    }

    /// Where the sections are, if this is a registry that fits into `len` bytes.
    pub(super) fn check(&self, len: usize) -> Result<Places, RegistryError> {
        if self.magic != MAGIC {
            return Err(RegistryError::Corrupt { what: "its magic is another" });
        }
        if self.version != VERSION {
            return Err(RegistryError::Version { found: self.version, expected: VERSION });
        }
        if self.length > len as u64 {
            return Err(RegistryError::TooShort {
                len,
                needed: usize::try_from(self.length).unwrap_or(usize::MAX),
            });
        }
        let listed = self.sections.get(..self.section_count as usize);
        let listed =
            listed.ok_or(RegistryError::Corrupt { what: "it lists more sections than it has room for" })?;
        let find = |wanted: Section, what| {
            let found = listed.iter().find(|section| section.kind == wanted.kind)?;
            let end =
                found.count.checked_mul(found.stride.into()).and_then(|len| len.checked_add(found.offset));
            let aligned = found.offset.is_multiple_of(64) && found.offset >= HEADER_LEN as u64;
            let same = (found.stride, found.count) == (wanted.stride, wanted.count);
            match end.filter(|end| aligned && same && *end <= self.length) {
                Some(end) => Some(Ok(found.offset as usize..end as usize)),
                None => Some(Err(RegistryError::Corrupt { what })),
            }
        };
        let needed = |wanted, what| find(wanted, what).unwrap_or(Err(RegistryError::Corrupt { what }));
        let processes = needed(
            section::<ProcessEntry>(PROCESSES, 0, MAX_PROCESSES),
            "its section of processes is not as it should be",
        )?;
        let threads = needed(
            section::<ThreadEntry>(THREADS, 0, MAX_THREADS),
            "its section of threads is not as it should be",
        )?;
        let side_tables =
            find(side_tables(0), "its section of side tables is not as it should be").transpose()?;
        let mut all: Vec<_> = [&processes, &threads].into_iter().chain(&side_tables).collect();
        all.sort_by_key(|section| section.start);
        if all.windows(2).any(|pair| pair[0].end > pair[1].start) {
            return Err(RegistryError::Corrupt { what: "its sections overlap" });
        }
        Ok(Places {
            processes: processes.start,
            threads: threads.start,
            side_tables: side_tables.map(|section| section.start),
        })
    }
}

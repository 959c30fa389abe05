//! Copies of the side tables: what the threads of a watched family tell of their locks.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Acquire;
use std::time::Duration;

use super::error::{InspectError, corrupt};
use super::layout::{hold, id, name, record, site, tables, text_at, u32_at, u64_at};
use super::source::{Source, copy};
use super::{Access, Hold, LockKey, Wait};
use crate::primitive::fence;
use crate::registry::MAX_THREADS;
use crate::{CallSite, MAX_NAME};

/// How often a record is read that changes meanwhile.
const READS: usize = 4;

/// Side tables of a family.
#[derive(Debug)]
pub(super) struct Told<'a, S: ?Sized> {
    source: &'a S,
    /// Where they begin.
    from: u64,
    records_used: usize,
    names: HashMap<u32, String>,
    sites: Vec<u8>,
    /// The time at which they were read, by the clock that threads note theirs by; `None`: this process has another one.
    now: Option<u64>,
}

/// What a thread tells at one moment.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) pid: u32,
    pub(super) tid: u32,
    pub(super) owner: u64,
    pub(super) holds: Vec<Hold>,
    pub(super) wait: Option<Wait>,
}

impl<'a, S: Source + ?Sized> Told<'a, S> {
    /// The tables that begin at this place.
    pub(super) fn read(source: &'a S, from: usize, now: Option<u64>) -> Result<Self, InspectError> {
        let part = |at: usize, len: usize| exactly(source, (from + at) as u64, len);
        let records_used = u32_at(&part(0, tables::NAMES_AT)?, tables::RECORDS_USED) as usize;
        if records_used > MAX_THREADS {
            return Err(corrupt("it says that more threads tell of their locks than there can be"));
        }
        let names = part(tables::NAMES_AT, tables::NAMES * name::LEN)?;
        let named = names.chunks_exact(name::LEN).filter_map(|entry| {
            let (number, len) = (u32_at(entry, name::NUMBER), u32_at(entry, name::TEXT_LEN));
            let is_written = number != 0 && (1..=MAX_NAME as u32).contains(&len);
            is_written.then(|| (number, text_at(entry, name::TEXT, len, MAX_NAME)))
        });
        let sites = part(tables::SITES_AT, tables::SITES * site::LEN)?;
        Ok(Self { source, from: from as u64, records_used, names: named.collect(), sites, now })
    }

    /// The names of locks by their numbers.
    pub(super) fn into_names(self) -> HashMap<u32, String> {
        self.names
    }

    /// What the thread with this number tells. `Ok(None)`: it has told nothing yet; `Err(None)`: it was changing all the time.
    pub(super) fn record(&self, index: usize) -> Result<Option<Record>, Option<InspectError>> {
        if index >= self.records_used {
            return Ok(None);
        }
        let at = self.from + (tables::RECORDS_AT + index * record::LEN) as u64;
        let sequence = || {
            let word = exactly(self.source, at + record::SEQUENCE as u64, 4);
            word.map(|word| u32_at(&word, 0)).map_err(Some)
        };
        for _ in 0..READS {
            let before = sequence()?;
            // With the Release of a change's end: what is copied next is of that change, or later.
            fence(Acquire);
            let bytes = exactly(self.source, at, record::LEN).map_err(Some)?;
            // With the Release fence of a change's beginning: who has copied something of it finds the number odd, or a later one.
            fence(Acquire);
            if before & 1 == 0 && sequence()? == before {
                return Ok(Some(self.understood(&bytes)));
            }
        }
        Err(None)
    }

    fn understood(&self, bytes: &[u8]) -> Record {
        let held = (u32_at(bytes, record::HELD) as usize).min(record::HOLDS);
        let holds = bytes[record::HOLDS_AT..].chunks_exact(hold::LEN).take(held);
        Record {
            pid: u32_at(bytes, record::PID),
            tid: u32_at(bytes, record::TID),
            owner: u64_at(bytes, record::OWNER),
            holds: holds.filter_map(|hold| self.hold(hold)).collect(),
            wait: self.wait(bytes),
        }
    }

    fn hold(&self, bytes: &[u8]) -> Option<Hold> {
        let (lock, access) = lock(u64_at(bytes, hold::LOCK))?;
        Some(Hold {
            lock,
            access,
            site: self.site(u32_at(bytes, hold::SITE)),
            held_for: self.since(u64_at(bytes, hold::BEGUN)),
            place: u32_at(bytes, hold::PLACE),
        })
    }

    fn wait(&self, bytes: &[u8]) -> Option<Wait> {
        let (lock, _) = lock(u64_at(bytes, record::WANTED))?;
        let is_to_read = u32_at(bytes, record::WANTED_TO_READ) != 0;
        Some(Wait {
            lock,
            access: if is_to_read { Access::Read } else { Access::Exclusive },
            name: self.names.get(&u32_at(bytes, record::WANTED_NUMBER)).cloned(),
            site: self.site(u32_at(bytes, record::WANTED_AT)),
            waited_for: self.since(u64_at(bytes, record::SINCE)),
            address: u64_at(bytes, record::WANTED_ADDRESS),
        })
    }

    /// The place in the source with this number. Those of a process's own tables nobody else knows.
    fn site(&self, number: u32) -> Option<CallSite> {
        let index = number.checked_sub(1).filter(|_| number & tables::OWN == 0)? as usize;
        let entry = self.sites.chunks_exact(site::LEN).nth(index)?;
        (u32_at(entry, site::STATE) == site::READY).then(|| {
            let path = text_at(entry, site::PATH, u32_at(entry, site::TEXT_LEN), site::PATH_LEN);
            CallSite::new(path, u32_at(entry, site::LINE), u32_at(entry, site::COLUMN))
        })
    }

    /// How long ago that was; 0: nobody has noted it.
    fn since(&self, begun: u64) -> Option<Duration> {
        let passed = self.now?.checked_sub(begun).filter(|_| begun != 0)?;
        Some(Duration::from_nanos(passed))
    }
}

/// A lock as records have it; `None`: none.
fn lock(word: u64) -> Option<(LockKey, Access)> {
    let access = if word & id::SHARED != 0 { Access::Read } else { Access::Exclusive };
    let number = word & !(id::SHARED | id::PRIVATE);
    let key = match word & id::PRIVATE {
        0 => LockKey::Placed(u32::try_from(number).ok().filter(|number| *number != 0)?),
        _ => LockKey::Private(number),
    };
    Some((key, access))
}

/// So many bytes, no fewer.
pub(super) fn exactly(
    source: &(impl Source + ?Sized),
    offset: u64,
    len: usize,
) -> Result<Vec<u8>, InspectError> {
    let bytes = copy(source, offset, len)?;
    if bytes.len() == len { Ok(bytes) } else { Err(corrupt("it ends before its sections do")) }
}

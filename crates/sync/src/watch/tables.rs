//! Where threads tell of their locks: a section of the family's registry; before there is one, memory of the process. `unsafe`: tables
//! are found by address.
//!
//! Everything in them is zero at first, so that memory that nobody has written to costs nothing.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::name::Name;
use super::record::Record;
use super::site::Site;
use super::stats::{self, Stats};
use crate::primitive::{AtomicU32, AtomicUsize};
use crate::registry::{self, MAX_THREADS};

pub(crate) use super::name::MAX_NAMES as NAMES;

/// The most places in the source that are told apart.
pub(crate) const SITES: usize = 4096;

/// Numbers from here on are those of a process's own tables.
pub(crate) const OWN: u32 = 1 << 29;

#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct Tables {
    /// How many locks have a number.
    numbered: AtomicU32,
    /// Records from here on were never used.
    records_used: AtomicU32,
    reserved: [u64; 7],
    pub(super) names: [Name; NAMES],
    pub(super) sites: [Site; SITES],
    stats: [Stats; stats::Table::LEN],
    records: [Record; MAX_THREADS],
}

const _: () = {
    use std::mem::offset_of;

    use crate::registry::inspect::layout::tables;
    assert!(size_of::<Tables>() == tables::LEN && offset_of!(Tables, records_used) == tables::RECORDS_USED);
    assert!(offset_of!(Tables, names) == tables::NAMES_AT && NAMES == tables::NAMES);
    assert!(offset_of!(Tables, sites) == tables::SITES_AT && SITES == tables::SITES);
    assert!(offset_of!(Tables, records) == tables::RECORDS_AT && OWN == tables::OWN);
};

/// The tables in use; 0: none yet. No `OnceLock`, here and below: a fork in the middle of its beginning would leave the child waiting
/// for a thread that is not there.
static CURRENT: AtomicUsize = AtomicUsize::new(0);

/// Those of this process alone; 0: none yet.
static OWN_TABLES: AtomicUsize = AtomicUsize::new(0);

/// The address of the tables in use, to be compared; 0: none yet.
#[inline(always)]
pub(super) fn current_address() -> usize {
    // Acquire: with the Releases below.
    CURRENT.load(Acquire)
}

/// The tables in use; `None`: there is no memory for them.
#[inline]
pub(crate) fn current() -> Option<&'static Tables> {
    found(current_address()).or_else(begin)
}

/// Those of this process alone, if it has any.
pub(crate) fn own() -> Option<&'static Tables> {
    found(OWN_TABLES.load(Acquire))
}

/// The family's, if this process has one.
pub(crate) fn of_family() -> Option<&'static Tables> {
    registry::installed()?.side_tables()
}

fn found(address: usize) -> Option<&'static Tables> {
    // SAFETY: 0, or the address of tables that stay for good.
    unsafe { (address as *const Tables).as_ref() }
}

#[cold]
fn begin() -> Option<&'static Tables> {
    if let Some(tables) = of_family() {
        family_begins(tables);
        return Some(tables);
    }
    let own = match own() {
        Some(own) => own,
        None => make_own()?,
    };
    // If it fails, a family has begun meanwhile.
    let _ = CURRENT.compare_exchange(0, ptr::from_ref(own) as usize, AcqRel, Relaxed);
    found(current_address())
}

fn make_own() -> Option<&'static Tables> {
    let layout = Layout::new::<Tables>();
    // Not the program's allocator, which may take a lock of ours.
    // SAFETY: a layout of more than 0 bytes.
    let memory = NonNull::new(unsafe { System.alloc_zeroed(layout) })?.cast::<Tables>();
    // SAFETY: aligned and long enough, zeroed, which is what tables are at first; never freed, but below.
    let new: &'static Tables = unsafe { memory.as_ref() };
    match OWN_TABLES.compare_exchange(0, ptr::from_ref(new) as usize, AcqRel, Acquire) {
        Ok(_) => Some(new),
        Err(theirs) => {
            // SAFETY: made above by this layout, and nobody else knows them.
            unsafe { System.dealloc(memory.as_ptr().cast(), layout) };
            found(theirs)
        }
    }
}

/// From now on everything is told to the family.
pub(crate) fn family_begins(tables: &'static Tables) {
    // Release: with the Acquire of `current_address`.
    CURRENT.store(ptr::from_ref(tables) as usize, Release);
}

/// In a fork of the process: the threads of the records are not there.
pub(super) fn forget_in_fork() {
    if let Some(own) = own() {
        own.records().for_each(|record| {
            record.begin(0, 0, 0);
            record.in_use.store(0, Relaxed);
        });
    }
}

impl Tables {
    /// Whether these are the process's own.
    pub(crate) fn is_own(&self) -> bool {
        ptr::from_ref(self) as usize == OWN_TABLES.load(Relaxed)
    }

    /// A number for a lock, that no other one of these tables has; 0: all are given.
    pub(crate) fn next_number(&self) -> u32 {
        let own = if self.is_own() { OWN } else { 0 };
        let mut last = self.numbered.load(Relaxed);
        loop {
            let Some(next) = last.checked_add(1).filter(|next| *next < OWN) else { return 0 };
            match self.numbered.compare_exchange(last, next, Relaxed, Relaxed) {
                Ok(_) => return next | own,
                Err(now) => last = now,
            }
        }
    }

    /// Where named locks are counted.
    #[inline(always)]
    pub(crate) fn counts(&self) -> stats::Table<'_> {
        stats::Table::new(&self.stats)
    }

    /// The records that were ever used.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().take(self.records_used.load(Acquire) as usize)
    }

    /// The record of the thread with this number in the family.
    pub(super) fn use_record(&self, index: u16) -> Option<&Record> {
        let record = self.records.get(usize::from(index))?;
        self.records_used.fetch_max(u32::from(index) + 1, Release);
        Some(record)
    }

    /// A record of the process's own tables that no thread has.
    pub(super) fn free_record(&self) -> Option<&Record> {
        let is_free = |record: &&Record| record.in_use.compare_exchange(0, 1, AcqRel, Relaxed).is_ok();
        let index = self.records.iter().position(|record| is_free(&record))?;
        self.use_record(index as u16)
    }
}

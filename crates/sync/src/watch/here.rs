//! The calling thread's record, and the call sites that it has met.

use std::cell::Cell;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::Ordering::{Relaxed, Release};

use super::record::Record;
use super::tables::{self, Tables};
use crate::identity::{self, Owner};
use crate::sys::robust_list;

/// How many call sites a thread remembers the numbers of.
const REMEMBERED: usize = 32;

/// Nothing to drop, so that it can be used to the thread's very end.
struct Here {
    /// The tables that the record is in; `None`: the thread has asked for no lock yet.
    tables: Cell<Option<&'static Tables>>,
    /// `None`: the thread is not watched.
    record: Cell<Option<&'static Record>>,
    sites: [Cell<(usize, u32)>; REMEMBERED],
    /// Whether it is looking at what all threads say.
    looks: Cell<bool>,
    /// When the thread has begun to wait for the lock that it takes next, in nanoseconds; 0: it did not wait.
    waited_since: Cell<u64>,
}

thread_local! {
    static HERE: Here = const {
        Here {
            tables: Cell::new(None),
            record: Cell::new(None),
            sites: [const { Cell::new((0, 0)) }; REMEMBERED],
            looks: Cell::new(false),
            waited_since: Cell::new(0),
        }
    };
}

/// The record of the calling thread; `None`: it is not watched. Allocates nothing and takes no lock: the caller may have any, also that of
/// the program's allocator.
#[inline]
pub(super) fn record() -> Option<&'static Record> {
    HERE.with(|here| here.record.get())
}

/// The calling thread is about to ask for a lock: it gets a record in the tables in use, if it has none there.
#[inline]
pub(super) fn asks() {
    HERE.with(|here| {
        let address = tables::current_address();
        let known = here.tables.get().map_or(ptr::null(), ptr::from_ref) as usize;
        if (address == 0 || known != address) && !here.looks.get() {
            enter(here);
        }
    });
}

/// Runs a look at what all threads say, with the record of the calling one in the tables in use. Locks that it takes meanwhile, as to
/// allocate memory, are not noted: its record stays as it is.
#[cfg(feature = "deadlock")]
pub(super) fn look<R>(look: impl FnOnce(&'static Record) -> R) -> Option<R> {
    asks();
    HERE.with(|here| {
        let (record, waited_since) = (here.record.take(), here.waited_since.get());
        here.looks.set(true);
        let found = record.map(look);
        here.looks.set(false);
        here.waited_since.set(waited_since);
        here.record.set(record);
        found
    })
}

/// The number of a place in the source, in the tables that the calling thread has its record in.
#[inline]
pub(super) fn number_of(location: &'static Location<'static>) -> u32 {
    let address = ptr::from_ref(location) as usize;
    HERE.with(|here| {
        // Places are some bytes apart.
        let place = &here.sites[address / 8 % REMEMBERED];
        let (known, number) = place.get();
        if known == address {
            return number;
        }
        let number = here.tables.get().map_or(0, |tables| tables.number_of_site(location));
        place.set((address, number));
        number
    })
}

/// Gives the thread a record in the tables in use, with what it holds already.
#[cold]
#[inline(never)]
fn enter(here: &Here) {
    let Some(tables) = tables::current() else { return };
    let before = here.record.take();
    // First: what is done below may lock, and is not watched.
    here.tables.set(Some(tables));
    here.sites.iter().for_each(|place| place.set((0, 0)));
    let record = if tables.is_own() { enter_own(tables) } else { enter_family(tables) };
    if let Some(before) = before {
        move_over(before, record, tables);
    }
    here.record.set(record);
}

fn enter_own(tables: &'static Tables) -> Option<&'static Record> {
    let record = tables.free_record()?;
    record.begin(std::process::id(), robust_list::thread_id(), 0);
    identity::at_thread_end();
    Some(record)
}

fn enter_family(tables: &'static Tables) -> Option<&'static Record> {
    let me = identity::me().ok()?;
    let name = Owner::unpacked(me.owner())?;
    let record = tables.use_record(name.thread.index)?;
    record.begin(std::process::id(), me.tid(), me.owner());
    Some(record)
}

/// What was noted before there was a family. A thread that gets no record in it is not watched any more: nobody struck out what it lets
/// go of, if it stayed noted.
fn move_over(before: &Record, record: Option<&Record>, tables: &Tables) {
    let again = |site| super::site::of_number(site).map_or(0, |site| tables.number_of(&site));
    if let Some((record, seen)) = record.zip(before.seen()) {
        for mut hold in seen.holds {
            hold.site = again(hold.site);
            record.hold(hold);
        }
        // It may be asleep in a wait, and has only come to look whether that can end.
        let mut want = seen.want;
        want.site = again(want.site);
        record.want(want);
    }
    give_back(before);
}

fn give_back(record: &Record) {
    record.begin(0, 0, 0);
    record.in_use.store(0, Release);
}

/// The calling thread ends.
pub(crate) fn leave() {
    HERE.with(|here| {
        here.tables.set(None);
        // One of the family goes with the thread's entry: a guard that was leaked holds its lock still.
        if let Some(record) = here.record.take().filter(|record| record.in_use.load(Relaxed) != 0) {
            give_back(record);
        }
    });
}

/// In a fork of the process.
pub(crate) fn forget_in_fork() {
    HERE.with(|here| {
        here.tables.set(None);
        here.record.set(None);
        here.sites.iter().for_each(|place| place.set((0, 0)));
    });
    tables::forget_in_fork();
}

/// Notes when the wait for the next lock has begun, in nanoseconds; gives what was noted before.
#[inline(always)]
pub(super) fn waited_since(since: u64) -> u64 {
    HERE.with(|here| here.waited_since.replace(since))
}

//! Which thread this is.
//!
//! A thread knows its record by a thread-local, which for threads of this crate is made before all others, and so dropped after them.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use multiproc_sync::Generation;

use super::name;
use super::record::{Origin, Record, ThreadIdent};
use super::roster::Roster;
use crate::cancel::CancelToken;
use crate::sys::native;

thread_local! {
    /// The thread's record, once it has one.
    static HERE: Here = const { Here(RefCell::new(None)) };
    /// Its number, which is there to the end.
    static IDENT: Cell<Option<ThreadIdent>> = const { Cell::new(None) };
    /// The process in which exits wait for this thread: it has not left. Without a destructor, so that it is there to the end.
    static HELD: Cell<Option<Generation>> = const { Cell::new(None) };
}

struct Here(RefCell<Option<Arc<Record>>>);

impl Drop for Here {
    fn drop(&mut self) {
        let Some(record) = self.0.take() else { return };
        if !record.made_by.is_ours() {
            return; // the parent's, of which there is a copy
        }
        let roll = &Roster::here().roll;
        // One that this crate has started has ended, unless it is just ending the program.
        if !record.ended.is_set() {
            roll.end(record.ident.get());
        }
        record.exit();
        if HELD.take().is_some_and(Generation::is_ours) {
            roll.leave();
        }
    }
}

/// The calling thread ends the program, and its thread-locals are gone, where the system drops them then. Who waits for its end is told,
/// as the program may wait for that one.
pub(crate) fn exit() {
    let roster = Roster::here();
    let record = match known() {
        Some(record) => record,
        None if native::this_thread() == native::main_thread() => roster.main.clone(),
        None => return, // was told when they were dropped
    };
    roster.roll.end(record.ident.get());
    record.exit();
}

/// The calling thread has begun, and is the record's. Called first thing in it.
pub(super) fn enter(record: Arc<Record>) {
    if record.is_held() {
        HELD.set(Some(Generation::now()));
    }
    record.begin(native::this_new_thread());
    IDENT.set(Some(record.ident));
    // Nothing was there before it, and it cannot be dropped already.
    let _ = HERE.try_with(|here| here.0.replace(Some(record)));
}

/// Whether exits wait for this thread.
pub(crate) fn is_held() -> bool {
    HELD.get().is_some_and(Generation::is_ours)
}

/// Does `f` with the record of this thread. It was met now, if nobody of this crate knew it.
pub(crate) fn with<R>(f: impl FnOnce(&Arc<Record>) -> R) -> R {
    match known() {
        Some(record) => f(&record),
        None => f(&meet()),
    }
}

/// The record that this thread has in this process.
fn known() -> Option<Arc<Record>> {
    let known = HERE.try_with(|here| here.0.borrow().clone()).ok().flatten();
    known.filter(|record| record.made_by.is_ours())
}

/// Does `f` with the token that this thread was started with, also in a fork of it. `f` starts and joins nothing.
pub(crate) fn with_own_token<R>(f: impl FnOnce(&CancelToken) -> R) -> Option<R> {
    let done = HERE.try_with(|here| here.0.borrow().as_ref().and_then(|record| record.token.as_ref()).map(f));
    done.ok().flatten()
}

/// Whether the calling thread was started by this crate as a daemon.
pub(super) fn is_daemon() -> bool {
    known().is_some_and(|record| record.origin == Origin::Ours { daemon: true })
}

/// Whether the record, which is of this process, is that of this thread.
pub(super) fn is(record: &Record) -> bool {
    // The main thread has a record before it asks for it.
    IDENT.get() == Some(record.ident)
        || (record.origin == Origin::Main && native::this_thread() == native::main_thread())
}

#[cold]
fn meet() -> Arc<Record> {
    let roster = Roster::here();
    let number = native::this_thread();
    let name = || std::thread::current().name().map_or_else(name::of_foreign, str::to_owned);
    let met = HERE.try_with(|here| {
        let record = if number == native::main_thread() {
            roster.main.clone()
        } else {
            let record = Record::new(name(), Origin::Foreign, None);
            record.begin(number);
            roster.roll.enter(record.ident.get(), record.clone(), false);
            record
        };
        IDENT.set(Some(record.ident));
        here.0.replace(Some(record.clone()));
        record
    });
    met.unwrap_or_else(|_| match IDENT.get() {
        _ if number == native::main_thread() => roster.main.clone(),
        known => late(known, name(), number),
    })
}

/// A record of a thread that has none any more: it ends, and nobody would strike it out of the roll.
fn late(known: Option<ThreadIdent>, name: String, number: u32) -> Arc<Record> {
    let record = match known {
        Some(ident) => Record::again(ident, name),
        None => Record::new(name, Origin::Foreign, None),
    };
    IDENT.set(Some(record.ident));
    record.begin(number);
    record.end();
    record.gone.set();
    record
}

/// The name that this thread had when it, or one before it, forked.
pub(super) fn name_before_fork() -> Option<String> {
    let known = HERE.try_with(|here| here.0.borrow().clone()).ok().flatten();
    known.filter(|record| !record.made_by.is_ours()).map(|record| record.name())
}

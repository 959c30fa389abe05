//! What is known of the threads that wait for each other, in words.

use std::{fs, process};

use super::graph::{self, Link};
use super::{Access, LockName, LockUse, Party, Report, ThreadName};
use crate::identity::Owner;
use crate::registry;
use crate::watch::record::{Record, Seen, Want};
use crate::watch::{LockId, name_of, site_of, tables};

/// The report of a wait that cannot end, if it is that of the thread with this record; else how many threads wait.
pub(crate) fn look(own: &'static Record) -> Result<Box<Report>, u32> {
    let mut waiting = 0_u32;
    let tables = [tables::of_family(), tables::own()].into_iter().flatten();
    let count = |record: &&Record| waiting += u32::from(record.waits() && !has_stopped(record.owner()));
    let records = tables.flat_map(|tables| tables.records()).inspect(count);
    let is_private = |lock| LockId(lock).is_private();
    let links = graph::circle(own, records, is_private, |seen| has_stopped(seen.owner)).ok_or(waiting)?;
    // What each has is what the one before waits for.
    let before = links.iter().cycle().skip(links.len() - 1);
    let parties = links.iter().zip(before).map(|(link, before)| party(link, &before.seen));
    Ok(Box::new(Report::new(parties.collect())))
}

/// Whether a thread of the family runs no more. One of this process alone has given its record back.
fn has_stopped(owner: u64) -> bool {
    let named = registry::installed().zip(Owner::unpacked(owner));
    named.is_some_and(|(registry, owner)| registry.has_stopped(owner))
}

/// What a thread is in the circle; `before` waits for what it has.
fn party(link: &Link<'_>, before: &Seen<'_>) -> Party {
    let Link { seen, has } = link;
    let asked = if seen.want.to_read { Access::Read } else { Access::Exclusive };
    let used =
        |lock, access, site| LockUse { lock, access, site: known_here(site, seen.pid).and_then(site_of) };
    Party {
        thread: ThreadName { pid: seen.pid, tid: seen.tid, name: name_of_thread(seen.pid, seen.tid) },
        has: used(name(&before.want, before.pid), LockId(has.lock).access(), has.site),
        wants: used(name(&seen.want, seen.pid), asked, seen.want.site),
    }
}

/// What a process calls the lock that its thread waits for.
fn name(lock: &Want, pid: u32) -> LockName {
    match known_here(lock.number, pid) {
        None | Some(0) => LockName::Address(lock.address),
        Some(number) => name_of(number).map_or(LockName::Number(number), LockName::Named),
    }
}

/// A number that a process has given, of a lock or a place. Those of its own tables mean nothing in another.
fn known_here(number: u32, pid: u32) -> Option<u32> {
    (number & tables::OWN == 0 || pid == process::id()).then_some(number)
}

/// The kernel's name of a thread of this pid namespace.
fn name_of_thread(pid: u32, tid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/task/{tid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end_matches('\n').to_string())
}

//! What is known of the threads that wait for each other, in words.

use std::fs;

use super::graph::{self, Link};
use super::{LockName, LockUse, Party, Report, ThreadName};
use crate::identity::Owner;
use crate::registry;
use crate::watch::record::{Record, Seen, Want};
use crate::watch::{LockId, name_of, site_of, tables};

/// The report of a wait that cannot end, if it is that of the thread with this record; else how many threads wait.
pub(crate) fn look(own: &'static Record) -> Result<Box<Report>, u32> {
    let mut waiting = 0_u32;
    let tables = [tables::of_family(), tables::own()].into_iter().flatten();
    let records =
        tables.flat_map(|tables| tables.records()).inspect(|record| waiting += u32::from(record.waits()));
    let is_private = |lock| LockId(lock).is_private();
    let links = graph::circle(own, records, is_private, has_stopped).ok_or(waiting)?;
    // What each has is what the one before waits for.
    let before = links.iter().cycle().skip(links.len() - 1);
    let parties = links.iter().zip(before).map(|(link, before)| party(link, &before.seen.want));
    Ok(Box::new(Report::new(parties.collect())))
}

/// Whether a thread of the family runs no more. One of this process alone has given its record back.
fn has_stopped(seen: &Seen<'_>) -> bool {
    let named = registry::installed().zip(Owner::unpacked(seen.owner));
    named.is_some_and(|(registry, owner)| registry.has_stopped(owner))
}

fn party(link: &Link<'_>, wanted: &Want) -> Party {
    let Link { seen, has } = link;
    let used = |lock: &Want, site| LockUse {
        lock: name(lock),
        access: LockId(lock.lock).access(),
        site: site_of(site),
    };
    Party {
        thread: ThreadName { pid: seen.pid, tid: seen.tid, name: name_of_thread(seen.pid, seen.tid) },
        has: used(wanted, has.site),
        wants: used(&seen.want, seen.want.site),
    }
}

fn name(lock: &Want) -> LockName {
    match lock.number {
        0 => LockName::Address(lock.address),
        number => name_of(number).map_or(LockName::Number(number), LockName::Named),
    }
}

/// The kernel's name of a thread of this pid namespace.
fn name_of_thread(pid: u32, tid: u32) -> Option<String> {
    let name = fs::read(format!("/proc/{pid}/task/{tid}/comm")).ok()?;
    Some(String::from_utf8_lossy(&name).trim_end_matches('\n').to_string())
}

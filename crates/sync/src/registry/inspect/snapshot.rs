//! A registry as it was read.

use std::collections::HashMap;

use super::error::{InspectError, corrupt};
use super::layout::{lock, u32_at};
use super::members::{Life, Member, members};
use super::source::Source;
use super::thread::Thread;
use super::told::{Told, exactly};
use crate::identity::{Claim, Owner};
use crate::registry::entry::{LEFT, ProcessEntry, ThreadEntry};
use crate::registry::header::{HEADER_LEN, Header};
use crate::registry::{MAX_PROCESSES, MAX_THREADS};
use crate::robust_word::{DIED, OWNER};
use crate::sys::{clock, process};

/// What a registry said, each thread at a moment of its own: who goes on meanwhile may have what another has waited for.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pid_namespace: u64,
    is_of_these_namespaces: bool,
    is_watched: bool,
    members: Vec<Member>,
    threads: Vec<Thread>,
    /// The entry of a thread in the list, by its number in the registry.
    places: HashMap<u16, usize>,
    names: HashMap<u32, String>,
}

impl Snapshot {
    /// Reads the registry in `source`, as the file of one is in `/proc/PID/fd` of each member.
    ///
    /// Cost: some milliseconds, a system call or three for each thread that tells of its locks, and one or two for each process.
    ///
    /// ```
    /// use multiproc_sync::registry::inspect::{InspectError, Snapshot};
    ///
    /// let no_registry = [0; 8192];
    /// assert!(matches!(Snapshot::read(&no_registry[..]), Err(InspectError::Registry(_))));
    /// ```
    ///
    /// # Errors
    ///
    /// [`Read`](InspectError::Read) if the kernel gives no bytes, [`Registry`](InspectError::Registry) if they are no registry of this version,
    /// or contradict themselves.
    pub fn read(source: &(impl Source + ?Sized)) -> Result<Self, InspectError> {
        let bytes = exactly(source, 0, HEADER_LEN)?;
        let bytes = bytes.first_chunk().ok_or(corrupt("it ends within its header"))?;
        let header = Header::of_bytes(bytes);
        let places = header.check(usize::try_from(source.len()?).unwrap_or(usize::MAX))?;
        let processes_used = used(bytes, 32, MAX_PROCESSES, "it counts more processes than there can be")?;
        let threads_used = used(bytes, 36, MAX_THREADS, "it counts more threads than there can be")?;
        let family = (header.pid_namespace, header.time_namespace);
        let ours = process::namespaces().ok().filter(|ours| (ours.pid, ours.time) == family);
        let section = |at: usize, len: usize| exactly(source, at as u64, len);

        // Threads first: of one that is there, the process is found then.
        let threads_read = section(places.threads, threads_used * size_of::<ThreadEntry>())?;
        let processes_read = section(places.processes, processes_used * size_of::<ProcessEntry>())?;
        let members = members(&processes_read, ours);
        let mut threads = threads(&threads_read, &members);
        let mut names = HashMap::new();
        if let Some(at) = places.side_tables {
            let told = Told::read(source, at, ours.map(|_| clock::nanoseconds()))?;
            for thread in &mut threads {
                tell(thread, &told, &members)?;
            }
            names = told.into_names();
        }
        let places_of_threads = threads.iter().enumerate();
        Ok(Self {
            pid_namespace: header.pid_namespace,
            is_of_these_namespaces: ours.is_some(),
            is_watched: places.side_tables.is_some(),
            places: places_of_threads.map(|(place, thread)| (thread.thread.index, place)).collect(),
            members,
            threads,
            names,
        })
    }

    /// The processes that have names in the family, also those that have ended.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The threads that have names in the family.
    pub fn threads(&self) -> &[Thread] {
        &self.threads
    }

    /// Whether the family's threads tell of their locks: its programs have the feature `deadlock` or `contention`.
    pub fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Whether the numbers of processes mean the same here as in the family.
    pub fn is_of_these_namespaces(&self) -> bool {
        self.is_of_these_namespaces
    }

    /// The family's pid namespace, by inode number.
    pub fn pid_namespace(&self) -> u64 {
        self.pid_namespace
    }

    /// The name of the lock with this number, if it has one.
    pub fn name_of_lock(&self, number: u32) -> Option<&str> {
        self.names.get(&number).map(String::as_str)
    }

    /// The process that has this entry.
    fn member_at(&self, index: u16) -> Option<&Member> {
        member_at(&self.members, index)
    }

    /// The process with this claim.
    pub(super) fn member(&self, claim: Claim) -> Option<&Member> {
        self.member_at(claim.index).filter(|member| member.claim == claim)
    }

    /// Whether a process of the family lives.
    pub(super) fn life(&self, claim: Claim) -> Life {
        self.member(claim).map_or(Life::Dead, |member| member.life)
    }

    /// The thread whose name this is, and nobody else's.
    pub(super) fn bearer(&self, owner: u64) -> Option<&Thread> {
        let owner = Owner::unpacked(owner)?;
        let thread = &self.threads[*self.places.get(&owner.thread.index)?];
        (thread.thread == owner.thread && thread.process == owner.process).then_some(thread)
    }

    /// Whether such a name may have been given: its thread's or its process's entry may be another's by now.
    pub(super) fn may_be_name(&self, owner: u64) -> bool {
        Owner::unpacked(owner).is_some_and(|owner| {
            self.places.contains_key(&owner.thread.index) && self.member_at(owner.process.index).is_some()
        })
    }
}

/// A number of the header that counts entries.
fn used(bytes: &[u8], at: usize, most: usize, what: &'static str) -> Result<usize, InspectError> {
    Some(u32_at(bytes, at) as usize).filter(|count| *count <= most).ok_or_else(|| corrupt(what))
}

/// The threads in a copy of the section whose processes are known.
fn threads(section: &[u8], members: &[Member]) -> Vec<Thread> {
    let pids: HashMap<_, _> = members.iter().map(|member| (member.claim.packed(), member.pid)).collect();
    let entries = section.chunks_exact(size_of::<ThreadEntry>()).enumerate();
    entries
        .filter_map(|(index, entry)| {
            let (mark, process) = (u32_at(entry, MARK_AT), u32_at(entry, PROCESS_AT));
            let word = u32_at(entry, lock::WORD);
            Some(Thread {
                pid: *pids.get(&process)?,
                tid: word & OWNER,
                has_left: mark & LEFT != 0,
                holds: Vec::new(),
                wait: None,
                is_changing: false,
                process: Claim::unpacked(process)?,
                thread: Claim { index: index as u16, generation: mark as u16 },
                has_ended: word & DIED != 0,
            })
        })
        .collect()
}

const MARK_AT: usize = std::mem::offset_of!(ThreadEntry, mark);
const PROCESS_AT: usize = std::mem::offset_of!(ThreadEntry, process);

/// The process that has this entry: they are in the order of their entries.
fn member_at(members: &[Member], index: u16) -> Option<&Member> {
    let place = members.binary_search_by_key(&index, |member| member.claim.index).ok()?;
    members.get(place)
}

/// Adds what a thread tells of its locks.
fn tell<S: Source + ?Sized>(
    thread: &mut Thread,
    told: &Told<'_, S>,
    members: &[Member],
) -> Result<(), InspectError> {
    match told.record(thread.thread.index.into()) {
        // Else it is that of the thread which had the entry before, or of nobody.
        Ok(Some(record)) if record.owner == thread.owner() && record.pid == thread.pid => {
            // The kernel takes the number away at the thread's death.
            thread.tid = if thread.tid == 0 { record.tid } else { thread.tid };
            (thread.holds, thread.wait) = (record.holds, record.wait);
        }
        Ok(_) => {}
        // One that was killed in a change has left its record so for good.
        Err(None) => {
            let member = member_at(members, thread.process.index);
            let has_died = member.is_none_or(|member| member.life == Life::Dead);
            thread.is_changing = !(thread.has_left || thread.has_ended || has_died);
        }
        Err(Some(error)) => return Err(error),
    }
    Ok(())
}

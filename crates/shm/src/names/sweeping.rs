//! The end of names whose processes are dead.

use std::fs::File;
use std::io;
use std::path::Path;

use multiproc_sync::Generation;

use super::{Alone, NamedSegment, alone, open};
use crate::error::ShmError;
use crate::named::manifest::{self, Record};
use crate::named::name::Name;
use crate::named::take_away::{Aside, Ended, settle, take_away};
use crate::planted::{Bug, planted};
use crate::sys::file_id::FileId;
use crate::sys::folder;
use crate::sys::lock::{self, What};

/// What a [`sweep`] has taken away.
///
/// ```
/// assert!(multiproc_shm::names::Swept::default().segments.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Dead processes whose lists of names are gone now.
    pub programs: usize,
    /// The segments whose names are gone now.
    pub segments: Vec<NamedSegment>,
    /// Dead processes that were left to others, who sweep them at this moment.
    pub busy: usize,
}

/// Why not all was swept, and what was.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct SweepError {
    /// What is gone all the same.
    pub swept: Swept,
    /// The first thing that went wrong.
    #[source]
    pub error: ShmError,
}

impl From<SweepError> for ShmError {
    fn from(failed: SweepError) -> Self {
        failed.error
    }
}

/// What has become of a manifest.
enum Outcome {
    /// There is nothing more to do.
    Done,
    /// Somebody has a file of its aside, which may be another dead process.
    Again,
}

/// Takes away the names that dead processes of this user have left.
///
/// Nobody is waited for. A process that has such a segment mapped keeps it; it cannot be opened by name any more. Any process may die
/// in the middle of it: the next one goes on.
///
/// Cost: a few system calls for each manifest, and for each name of a dead process's.
///
/// # Errors
///
/// [`SweepError`] with [`Kernel`](ShmError::Kernel) if `/dev/shm` cannot be read, or something in it cannot be removed; the rest is swept
/// then all the same, and told.
///
/// ```
/// use multiproc_shm::{SharedMemory, names};
///
/// let ours = SharedMemory::create_any(100)?;
/// names::sweep()?;
/// assert!(SharedMemory::open(ours.name().unwrap()).is_ok(), "this process lives");
/// # Ok::<(), multiproc_shm::ShmError>(())
/// ```
#[doc(alias = "resource_tracker")]
pub fn sweep() -> Result<Swept, SweepError> {
    let mut swept = Swept::default();
    let mut failed = None;
    let entries = match folder::entries().map_err(ShmError::kernel("read /dev/shm")) {
        Ok(entries) => entries,
        Err(error) => return Err(SweepError { swept, error }),
    };
    let mut manifests: Vec<_> =
        entries.iter().filter_map(|name| Some((name, manifest::pid_in(name)?))).collect();
    // Twice: what is not at its place may have been moved aside by another dead one.
    for _ in 0..2 {
        manifests.retain(|(name, pid)| match sweep_one(name, *pid, &mut swept) {
            Ok(Outcome::Done) => false,
            Ok(Outcome::Again) => true,
            Err(error) => {
                failed.get_or_insert(error);
                false
            }
        });
    }
    match failed {
        None => Ok(swept),
        Some(error) => {
            let error = ShmError::kernel("take a dead process's names away")(error);
            Err(SweepError { swept, error })
        }
    }
}

fn sweep_one(manifest: &str, pid: u32, swept: &mut Swept) -> io::Result<Outcome> {
    let alone = alone();
    let dead = match open_dead(&alone, manifest)? {
        Found::Dead(dead) => dead,
        Found::Busy => {
            swept.busy += 1;
            return Ok(Outcome::Done);
        }
        Found::Nothing => return Ok(Outcome::Done),
    };
    // Read under the lock: from here on nothing is added.
    let Some(records) = manifest::read(&dead.file)? else { return Ok(Outcome::Done) };
    if planted(Bug::ListFirst) {
        folder::remove(&folder::path(manifest))?;
    }
    let mut failed = None;
    // What is aside comes to its end, or has its name again.
    for name in folder::entries()? {
        let Some((_, slot)) = manifest::aside_of(&name).filter(|(of, _)| *of == manifest) else { continue };
        let path = folder::path(&name);
        let Some(facts) = folder::facts_at(&path)? else { continue };
        let listed = records.iter().find(|(listed, _)| *listed == slot);
        let ended = match listed {
            Some((_, record)) => settle(record, &path),
            None => settle_unlisted(&alone, manifest, &records, facts.id, &path).map(|()| false),
        };
        match ended {
            Ok(is_its) => {
                let its = listed.filter(|_| is_its).map(|(_, record)| record.name.as_str().to_owned());
                swept.segments.extend(its.map(|name| NamedSegment::of(name, &facts, pid, false)));
            }
            // Anybody can put a file there; only its user can remove it.
            Err(_) if !facts.is_ours() => {}
            Err(error) => _ = failed.get_or_insert(error),
        }
    }
    let asides: Vec<_> =
        records.iter().map(|(slot, record)| (Aside { manifest, slot: *slot }, record)).collect();
    let facts: Vec<_> =
        records.iter().map(|(_, record)| folder::facts_at(&record.name.path()).ok().flatten()).collect();
    let mut is_left = false;
    for ((ended, facts), (_, record)) in take_away(&asides).into_iter().zip(facts).zip(&records) {
        match ended {
            Ok(Ended::Now) => {
                let facts = facts.filter(|facts| facts.id == record.file);
                let name = record.name.as_str().to_owned();
                swept.segments.extend(facts.map(|facts| NamedSegment::of(name, &facts, pid, false)));
            }
            Ok(Ended::Before) => {}
            Ok(Ended::NotYet) => is_left = true,
            Err(error) => _ = failed.get_or_insert(error),
        }
    }
    // What is left is tried again by the next one.
    failed.map_or(Ok(()), Err)?;
    if is_left {
        return Ok(Outcome::Again);
    }
    // A signal's hook may have forked in the middle: the parent has the lock, and comes to the end of it.
    if !dead.made_by.is_ours() {
        return Ok(Outcome::Done);
    }
    folder::remove(&folder::path(manifest))?;
    swept.programs += 1;
    Ok(Outcome::Done)
}

/// Comes to the end of a file that a process had moved aside without a record, for which it had no memory. It wanted to end that file's
/// name; or that of another one, and this one had just got it: so what some process still lists has its name again.
fn settle_unlisted(
    alone: &Alone,
    manifest: &str,
    records: &[(usize, Record)],
    file: FileId,
    aside: &Path,
) -> io::Result<()> {
    let is_of_the_dead = records.iter().any(|(_, record)| record.file == file);
    let owners = if is_of_the_dead { None } else { listed_elsewhere(alone, manifest, file)? };
    match owners {
        None => folder::remove(aside),
        // As a record of another file: what has the name by now keeps it.
        Some(name) => settle(&Record { file: FileId::NONE, name }, aside).map(drop),
    }
}

/// The name by which another list than this one has the file.
fn listed_elsewhere(alone: &Alone, but: &str, file: FileId) -> io::Result<Option<Name>> {
    for manifest in folder::entries()?.iter().filter(|name| manifest::pid_in(name).is_some() && *name != but)
    {
        let Some((list, _)) = open(alone, manifest)? else { continue };
        let records = manifest::read(&list)?.unwrap_or_default();
        if let Some((_, record)) = records.into_iter().find(|(_, record)| record.file == file) {
            return Ok(Some(record.name));
        }
    }
    Ok(None)
}

enum Found {
    Dead(Dead),
    /// It is a dead process's, and another one sweeps it.
    Busy,
    /// It is a living one's, or gone, or none at all.
    Nothing,
}

/// A dead process's manifest, which nobody else sweeps until it is closed.
struct Dead {
    file: File,
    made_by: Generation,
}

fn open_dead(alone: &Alone, manifest: &str) -> io::Result<Found> {
    let made_by = Generation::now();
    let Some((file, id)) = open(alone, manifest)? else { return Ok(Found::Nothing) };
    if lock::is_locked(&file, What::Life)? {
        return Ok(Found::Nothing);
    }
    if !lock::try_lock(&file, What::Sweep)? {
        return Ok(Found::Busy);
    }
    let dead = Dead { file, made_by };
    // One that its own process, or another that swept, has removed meanwhile has no name any more.
    let is_in_place = folder::id_at(&folder::path(manifest))? == Some(id);
    Ok(if is_in_place { Found::Dead(dead) } else { Found::Nothing })
}

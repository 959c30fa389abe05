//! The names of segments, and the end of those that dead programs have left.
//!
//! A segment made by [`SharedMemory::create`](crate::SharedMemory::create) has a file in `/dev/shm`, which no kernel removes when its
//! process is killed. So each process lists the names that it makes in a file beside them, its *manifest*, before they can be
//! seen, and holds a lock on it for as long as it lives. A manifest whose lock can be had is a dead process's: [`sweep`] takes away
//! what it lists. It runs by itself before the first name that a process makes, and where a name is taken; the command `multiproc clean`
//! runs it for programs that come no more.
//!
//! - A living process's names are never touched; nor is a file that has got a listed name from somebody else, but for what
//!   [`unlink`](crate::SharedMemory::unlink) says of an instant in which three processes exchange a name.
//! - What a process has made before it became another user's, only the first user's programs sweep.
//! - A fork counts as the process that it is a fork of, until it has ended or runs another program: then it is that one.
//!   While such a fork lives, the names of its dead parent stay.
//! - Only manifests of the same user are looked at. What other users put into `/dev/shm`, which is everybody's, is left alone and in
//!   nobody's way, but for the name itself: who has that first has it.
//! - Any number of processes may sweep at once. Whoever comes second leaves it to the first, so that a call may return before all is gone.
//!
//! ```
//! use multiproc_shm::{SharedMemory, names};
//!
//! let name = format!("doc-names-{}", std::process::id());
//! let memory = SharedMemory::create(&name, 4096)?;
//! names::sweep()?; // leaves the names of the living alone
//! let all = names::list()?;
//! let ours = all.iter().find(|segment| segment.name == name).unwrap();
//! assert_eq!((ours.len, ours.creator, ours.is_alive), (4096, std::process::id(), true));
//! drop(memory);
//! assert!(!names::list()?.iter().any(|segment| segment.name == name));
//! # Ok::<(), multiproc_shm::ShmError>(())
//! ```

mod sweeping;

use std::fs::File;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use multiproc_sync::PerProcess;

pub use self::sweeping::{SweepError, Swept, sweep};
use crate::error::ShmError;
use crate::named::manifest::{self, Record};
use crate::named::name::Name;
use crate::sys::file_id::FileId;
use crate::sys::folder::{self, Facts};
use crate::sys::lock::{self, What};

/// The most bytes of a segment's name, the slash in front not counted: a file's name is no longer.
///
/// ```
/// use multiproc_shm::{SharedMemory, ShmError, names};
///
/// let too_long = "x".repeat(names::MAX_NAME + 1);
/// assert!(matches!(SharedMemory::create(&too_long, 1), Err(ShmError::Name { .. })));
/// ```
pub const MAX_NAME: usize = 255;

/// The most segments with names that a process can have made and not ended, at a time.
///
/// ```
/// assert_eq!(multiproc_shm::names::MAX_NAMES, 65_536);
/// ```
pub const MAX_NAMES: usize = 65_536;

/// A segment that has a name, made by a process of the same user by this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NamedSegment {
    /// Its name, without a slash.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
    /// The number of the process that made it, as that process knew it.
    pub creator: u32,
    /// Whether that process, or a fork of it, lives. The segment of a dead one is taken away by the next [`sweep`].
    pub is_alive: bool,
}

impl NamedSegment {
    fn of(name: String, facts: &Facts, creator: u32, is_alive: bool) -> Self {
        Self { name, len: facts.len, creator, is_alive }
    }
}

/// The segments that have names, sorted by them. Those of other programs than this crate's, such as CPython's, are not among them,
/// nor those whose names were to be [kept](crate::SharedMemory::keep_name).
///
/// Cost: some system calls for each process that has made names, and for each name.
///
/// # Errors
///
/// [`Kernel`](ShmError::Kernel) if `/dev/shm` or a manifest cannot be read.
///
/// ```
/// use multiproc_shm::{SharedMemory, names};
///
/// let memory = SharedMemory::create_any(100)?;
/// let name = memory.name().unwrap();
/// assert!(names::list()?.iter().any(|segment| segment.name == name && segment.len == 100));
/// # Ok::<(), multiproc_shm::ShmError>(())
/// ```
pub fn list() -> Result<Vec<NamedSegment>, ShmError> {
    let mut segments = Vec::new();
    let entries = folder::entries().map_err(ShmError::kernel("read /dev/shm"))?;
    for name in entries {
        if let Some(creator) = manifest::pid_in(&name) {
            add(&alone(), &name, creator, &mut segments).map_err(ShmError::kernel("read a list of names"))?;
        }
    }
    segments.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(segments)
}

fn add(alone: &Alone, manifest: &str, creator: u32, segments: &mut Vec<NamedSegment>) -> io::Result<()> {
    let Some((file, _)) = open(alone, manifest)? else { return Ok(()) };
    let is_alive = lock::is_locked(&file, What::Life)?;
    for (_, record) in manifest::read(&file)?.unwrap_or_default() {
        let Ok(Some(found)) = folder::facts_at(&record.name.path()) else { continue };
        if found.id == record.file {
            let name = record.name.as_str().to_owned();
            segments.push(NamedSegment::of(name, &found, creator, is_alive));
        }
    }
    Ok(())
}

/// The record of the file that has this name, if a dead process has left it there. What cannot be read says nothing.
pub(crate) fn left_by_the_dead(name: &Name) -> Option<Record> {
    let file = folder::id_at(&name.path()).ok().flatten()?;
    let record = Record { file, name: name.clone() };
    let manifests = folder::entries().ok()?;
    let lists_it = |manifest: &String| -> io::Result<bool> {
        let alone = alone();
        let Some((file, _)) = open(&alone, manifest)? else { return Ok(false) };
        if lock::is_locked(&file, What::Life)? {
            return Ok(false);
        }
        Ok(manifest::read(&file)?.unwrap_or_default().iter().any(|(_, listed)| *listed == record))
    };
    let mut manifests = manifests.iter().filter(|name| manifest::pid_in(name).is_some());
    manifests.any(|manifest| lists_it(manifest).unwrap_or(false)).then_some(record)
}

/// The right of a thread of this process to open lists of names, and to close them: that ends the process's lock of who sweeps, whichever
/// thread has it.
type Alone = MutexGuard<'static, ()>;

/// Waits for other threads that look at a list or sweep one, some system calls long.
fn alone() -> Alone {
    static ONE: PerProcess<Mutex<()>> = PerProcess::new();
    ONE.get().lock().unwrap_or_else(PoisonError::into_inner) // it guards nothing that could be half done
}

/// Opens a manifest of this user's. `None`: it is gone, or another user's, or none at all.
fn open(_: &Alone, manifest: &str) -> io::Result<Option<(File, FileId)>> {
    let path = folder::path(manifest);
    // Looked at before it is opened: another user's file can make that fail in any way, by a lease or as a program that runs.
    if !folder::facts_at(&path)?.is_some_and(|facts| facts.is_regular && facts.is_ours()) {
        return Ok(None);
    }
    let file = match folder::open(&path, true, false) {
        Ok(file) => file,
        // Gone, or exchanged in between.
        Err(_) if !folder::facts_at(&path)?.is_some_and(|facts| facts.is_regular && facts.is_ours()) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let facts = folder::facts(&file)?;
    Ok((facts.is_regular && facts.is_ours()).then_some((file, facts.id)))
}

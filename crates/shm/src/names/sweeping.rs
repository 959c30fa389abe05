//! The end of names whose processes are dead.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use super::open;
use crate::error::ShmError;
use crate::named::manifest::{self, Beside};
use crate::named::take_away::{settle, take_away};
use crate::sys::folder;
use crate::sys::lock::{self, With};

/// What a [`sweep`] has taken away.
///
/// ```
/// assert_eq!(multiproc_shm::names::Swept::default().names, 0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Dead processes whose manifests are gone now.
    pub programs: usize,
    /// Names of segments.
    pub names: usize,
    /// Segments whose makers died before they had names.
    pub unfinished: usize,
}

/// Takes away the names that dead processes of this user have left, and what they had not finished.
///
/// Nobody is waited for. A process that has such a segment mapped keeps it; it cannot be opened by name any more. Any process may die
/// in the middle of it: the next one goes on.
///
/// Cost: a few system calls for each manifest, and for each name of a dead process's.
///
/// # Errors
///
/// [`Kernel`](ShmError::Kernel) if `/dev/shm` cannot be read, or something in it cannot be removed; the rest is swept then all the
/// same.
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
pub fn sweep() -> Result<Swept, ShmError> {
    let mut swept = Swept::default();
    let mut failed = None;
    let entries = folder::entries().map_err(ShmError::kernel("read /dev/shm"))?;
    for name in entries.iter().filter(|name| manifest::pid_in(name).is_some()) {
        if let Err(error) = sweep_one(name, &mut swept) {
            failed.get_or_insert(error);
        }
    }
    match failed {
        None => Ok(swept),
        Some(error) => Err(ShmError::kernel("take a dead process's names away")(error)),
    }
}

fn sweep_one(manifest: &str, swept: &mut Swept) -> io::Result<()> {
    let Some(dead) = open_dead(manifest)? else { return Ok(()) };
    let Some(records) = manifest::read(&dead.0)? else { return Ok(()) };
    let mut failed = None;
    let mut done = |done: io::Result<bool>| match done {
        Ok(done) => usize::from(done),
        Err(error) => {
            failed.get_or_insert(error);
            0
        }
    };
    // Read under the lock: from here on nothing is added.
    for name in folder::entries()? {
        let path = folder::path(&name);
        match manifest::beside(manifest, &name) {
            None => {}
            Some(Beside::Temporary) => swept.unfinished += done(folder::remove(&path).map(|()| true)),
            Some(Beside::Aside(slot)) => match records.iter().find(|(listed, _)| *listed == slot) {
                Some((_, record)) => swept.names += done(settle(record, &path)),
                // Its process had no memory to list it.
                None => _ = done(folder::remove(&path).map(|()| true)),
            },
        }
    }
    for (slot, record) in &records {
        let aside = folder::path(&manifest::aside(manifest, *slot));
        swept.names += done(take_away(record, &aside));
    }
    // What is left is tried again by the next one.
    failed.map_or(Ok(()), Err)?;
    folder::remove(&folder::path(manifest))?;
    swept.programs += 1;
    Ok(())
}

/// A dead process's manifest, locked.
struct Dead(File);

impl Drop for Dead {
    fn drop(&mut self) {
        lock::unlock(self.0.as_fd()); // not by closing: a fork in this moment would keep it
    }
}

/// The manifest with its lock, if nobody else has that.
fn open_dead(manifest: &str) -> io::Result<Option<Dead>> {
    let Some((file, id)) = open(manifest)? else { return Ok(None) };
    if !lock::try_lock(file.as_fd(), With::Nobody)? {
        return Ok(None);
    }
    let dead = Dead(file);
    // One that its own process, or another that swept, has removed meanwhile has no name any more.
    let is_in_place = folder::id_at(&folder::path(manifest))? == Some(id);
    Ok(is_in_place.then_some(dead))
}

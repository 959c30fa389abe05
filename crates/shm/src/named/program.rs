//! The manifest of this process: made with its first name, gone with its last one.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use multiproc_sync::{Generation, PerProcess};

use super::manifest::{self, Record};
use super::take_away::Aside;
use crate::error::ShmError;
use crate::names::{self, MAX_NAMES};
use crate::sys::file_id::FileId;
use crate::sys::folder;
use crate::sys::lock::{self, What};

/// How many names are drawn for a manifest.
const TRIES: usize = 100;

/// A fork begins with none, and leaves its parent's as it is: with the manifest's descriptor, and so with its lock.
static OWN: PerProcess<Mutex<Own>> = PerProcess::new();

#[derive(Default)]
struct Own {
    manifest: Option<Arc<Manifest>>,
    swept: bool,
}

#[derive(Debug)]
struct Manifest {
    pid: u32,
    name: String,
    /// Found out when it is first asked for: most processes have one name, which needs nobody to look.
    id: OnceLock<FileId>,
    /// Its lock lasts until this descriptor and the copies of it in forks are closed.
    file: File,
    /// Written before the first record: a process that only unlinks needs no memory for it.
    has_header: AtomicBool,
    slots: Mutex<Slots>,
}

/// Which slots are taken.
#[derive(Debug, Default)]
struct Slots {
    taken: Vec<bool>,
    /// How many of them.
    count: usize,
    /// All before this one are.
    free_from: usize,
}

impl Slots {
    /// Takes one that is free; `None`: there is none.
    fn take(&mut self) -> Option<usize> {
        let later = self.taken[self.free_from..].iter().position(|taken| !taken);
        let slot = later.map_or(self.taken.len(), |later| self.free_from + later);
        if slot == MAX_NAMES {
            return None;
        }
        if slot == self.taken.len() {
            self.taken.push(false);
        }
        self.taken[slot] = true;
        self.count += 1;
        self.free_from = slot + 1;
        Some(slot)
    }

    fn give_back(&mut self, slot: usize) {
        self.taken[slot] = false;
        self.count -= 1;
        self.free_from = self.free_from.min(slot);
    }
}

/// No panic leaves what these locks guard half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sweeps if this process has not done so yet. What does not succeed is left to others.
pub(crate) fn sweep_once() {
    let swept = std::mem::replace(&mut locked(OWN.get()).swept, true);
    if !swept {
        let _ = names::sweep();
    }
}

/// A slot in the manifest of this process, for one name. Dropped, its record is cleared: the name, if there is one, outlives the
/// process.
#[derive(Debug)]
pub(crate) struct Lease {
    manifest: Arc<Manifest>,
    slot: usize,
    generation: Generation,
    record: Option<Record>,
}

/// Takes a slot, and makes the manifest if there is none.
pub(crate) fn lease() -> Result<Lease, ShmError> {
    let mut own = locked(OWN.get());
    let manifest = match &own.manifest {
        Some(manifest) if manifest.is_in_place() => Arc::clone(manifest),
        // None yet; or somebody has cleared the folder, or this process has got another one.
        _ => {
            let failed = ShmError::of_folder(manifest::LENGTH, "keep a list of names in /dev/shm");
            let made = Manifest::make().map_err(failed)?;
            Arc::clone(own.manifest.insert(Arc::new(made)))
        }
    };
    let slot = locked(&manifest.slots).take().ok_or(ShmError::TooManyNames { limit: MAX_NAMES })?;
    Ok(Lease { manifest, slot, generation: Generation::now(), record: None })
}

impl Lease {
    /// Whether it is of this process, and not of the one that this is a fork of.
    pub(crate) fn is_ours(&self) -> bool {
        self.generation.is_ours()
    }

    /// Where the segment waits while its name is taken away.
    pub(crate) fn aside(&self) -> Aside<'_> {
        Aside { manifest: &self.manifest.name, slot: self.slot }
    }

    /// Lists a name, before it is given: once this process is dead, it is taken away.
    pub(crate) fn write(&mut self, record: Record) -> Result<(), ShmError> {
        let failed = ShmError::of_folder(manifest::LENGTH, "list a name");
        self.manifest.write(self.slot, &record).map_err(failed)?;
        self.record = Some(record);
        Ok(())
    }

    /// Lists the name no more.
    pub(crate) fn clear(&mut self) -> Result<(), ShmError> {
        if self.record.is_some() {
            manifest::clear_record(&self.manifest.file, self.slot)
                .map_err(ShmError::kernel("list a name no more"))?;
            self.record = None;
        }
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        let mut own = locked(OWN.get());
        let manifest = Arc::clone(&self.manifest);
        let mut slots = locked(&manifest.slots);
        let is_last = slots.count == 1;
        // The record of the last name goes with the list.
        if !(is_last && manifest.remove().is_ok()) {
            let _ = self.clear(); // it overwrites what is there, which needs no memory
        }
        slots.give_back(self.slot);
        if is_last {
            own.manifest.take_if(|own| Arc::ptr_eq(own, &manifest));
        }
    }
}

impl Manifest {
    fn make() -> io::Result<Self> {
        let pid = std::process::id();
        let file = folder::create_nameless()?;
        // Before it has a name: without the lock it would look like a dead one's to those who sweep.
        if !lock::try_lock(&file, What::Life)? {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        for _ in 0..TRIES {
            let name = manifest::manifest_name(pid, getrandom::u64()?);
            match folder::give_name(file.as_fd(), &folder::path(&name)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                other => other?,
            }
            let (id, has_header) = (OnceLock::new(), AtomicBool::new(false));
            return Ok(Self { pid, name, id, file, has_header, slots: Mutex::default() });
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn write(&self, slot: usize, record: &Record) -> io::Result<()> {
        // Two threads that come at once write the same.
        if !self.has_header.load(Relaxed) {
            manifest::write_header(&self.file, self.pid, Some(record).filter(|_| slot == 0))?;
            self.has_header.store(true, Relaxed);
            if slot == 0 {
                return Ok(());
            }
        }
        manifest::write_record(&self.file, slot, record)
    }

    fn path(&self) -> PathBuf {
        folder::path(&self.name)
    }

    fn is_in_place(&self) -> bool {
        let look = || -> io::Result<bool> {
            let id = match self.id.get() {
                Some(id) => *id,
                None => {
                    let found = folder::facts(&self.file)?.id;
                    *self.id.get_or_init(|| found)
                }
            };
            Ok(folder::id_at(&self.path())? == Some(id))
        };
        look().unwrap_or(false)
    }

    /// Whatever has the name is this file: it has 64 random bits. What cannot be removed is swept.
    fn remove(&self) -> io::Result<()> {
        folder::remove(&self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_used_again_and_not_beyond_the_limit() {
        let mut slots = Slots::default();
        assert!((0..MAX_NAMES).all(|slot| slots.take() == Some(slot)));
        assert_eq!((slots.take(), slots.count), (None, MAX_NAMES));
        slots.give_back(7);
        slots.give_back(MAX_NAMES - 1);
        slots.give_back(3);
        assert_eq!([(); 4].map(|()| slots.take()), [Some(3), Some(7), Some(MAX_NAMES - 1), None]);
        assert_eq!(slots.count, MAX_NAMES);
    }

    #[test]
    fn too_many_names_are_an_error_that_passes() {
        let mut leases: Vec<_> = (0..MAX_NAMES - 8).map(|_| lease().unwrap()).collect();
        // Other tests of this binary may have some as well.
        let refused = loop {
            match lease() {
                Ok(lease) => leases.push(lease),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, ShmError::TooManyNames { limit: MAX_NAMES }), "{refused}");
        assert!(leases.len() <= MAX_NAMES);
        let path = leases[0].manifest.path();
        leases.pop();
        drop(lease().unwrap());
        drop(leases);
        assert!(!path.exists(), "the last one ends the list");
    }

    /// The header comes with whichever name is listed first, and takes no other's place.
    #[test]
    fn names_may_be_listed_in_any_order() {
        let manifest = Manifest::make().unwrap();
        let record = |number: u64| {
            let file = FileId { device: 1, inode: number, born: 0 };
            Record { file, name: super::super::name::Name::parse("any").unwrap() }
        };
        for slot in [3, 0, 1] {
            manifest.write(slot, &record(slot as u64)).unwrap();
        }
        let listed = manifest::read(&manifest.file).unwrap().unwrap();
        assert_eq!(listed, [0, 1, 3].map(|slot| (slot, record(slot as u64))));
        manifest.remove().unwrap();
        manifest.remove().unwrap();
        assert!(!manifest.is_in_place());
    }
}

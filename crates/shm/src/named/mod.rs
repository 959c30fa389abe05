//! Segments that have names in `/dev/shm`, where programs that know nothing of each other find them.

mod create;
pub(crate) mod manifest;
pub(crate) mod name;
mod open;
mod program;
pub(crate) mod take_away;

use std::io;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use self::manifest::Record;
use self::name::Name;
use self::program::Lease;
use self::take_away::{Ended, take_away};
use crate::error::ShmError;
use crate::memory::SharedMemory;
use crate::names;
use crate::sys::file_id::FileId;

/// Between looks at a file that another process has moved aside, which takes that one some system calls.
const PAUSES: [u64; 4] = [1, 4, 16, 64]; // in ms

/// What a segment knows of its name.
#[derive(Debug)]
pub(crate) struct Named {
    name: Name,
    file: FileId,
    /// Of the process that made it, until the name is unlinked or kept.
    owned: Option<Owned>,
}

#[derive(Debug)]
struct Owned {
    generation: multiproc_sync::Generation,
    /// Locked by the process that made it only: in a fork it may be held for ever.
    lease: Mutex<Option<Lease>>,
}

impl Named {
    fn opened(name: Name, file: FileId) -> Self {
        Self { name, file, owned: None }
    }

    fn owned(record: Record, lease: Lease) -> Self {
        let generation = multiproc_sync::Generation::now();
        let owned = Owned { generation, lease: Mutex::new(Some(lease)) };
        Self { name: record.name, file: record.file, owned: Some(owned) }
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Lets `end` have the lease; the owner is one until that is gone.
    fn with_lease<T>(&self, end: impl FnOnce(&mut Option<Lease>) -> T) -> Option<T> {
        let owned = self.owned.as_ref().filter(|owned| owned.generation.is_ours())?;
        let mut lease = owned.lease.lock().unwrap_or_else(PoisonError::into_inner);
        lease.is_some().then(|| end(&mut lease))
    }

    fn is_owner(&self) -> bool {
        self.with_lease(|_| ()).is_some()
    }

    fn unlink(&self) -> Result<(), ShmError> {
        let as_owner = self.with_lease(|slot| {
            self.take_away(slot.as_ref().expect("an owner has one"))?;
            *slot = None;
            Ok(())
        });
        as_owner.unwrap_or_else(|| {
            let mut lease = program::lease()?;
            // Listed meanwhile, so that who sweeps would come to the end of it. Where there is no memory for that, this makes some.
            match lease.write(self.record()) {
                Ok(()) | Err(ShmError::NoSpace { .. }) => {
                    let taken = self.take_away(&lease);
                    if taken.is_err() {
                        // What may be aside by its slot stays listed, and the slot is nobody else's.
                        std::mem::forget(lease);
                    }
                    taken
                }
                Err(error) => Err(error),
            }
        })
    }

    fn record(&self) -> Record {
        Record { file: self.file, name: self.name.clone() }
    }

    fn take_away(&self, lease: &Lease) -> Result<(), ShmError> {
        let failed = |error| ShmError::of_name(&self.name, "unlink a name", error);
        let record = self.record();
        let mut pauses = PAUSES.into_iter();
        loop {
            let ended = take_away(&[(lease.aside(), &record)]).pop().expect("one for the one record");
            match ended.map_err(failed)? {
                Ended::Now | Ended::Before => return Ok(()), // whoever was before us has done the same
                Ended::NotYet => {}
            }
            let pause = pauses.next().ok_or_else(|| failed(io::ErrorKind::ResourceBusy.into()))?;
            thread::sleep(Duration::from_millis(pause));
            let _ = names::sweep(); // whoever has moved it may be dead
        }
    }

    fn keep(&self) -> Result<(), ShmError> {
        let kept = self.with_lease(|slot| {
            slot.as_mut().map_or(Ok(()), Lease::clear)?;
            *slot = None;
            Ok(())
        });
        kept.unwrap_or(Ok(()))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        self.with_lease(|slot| {
            let lease = slot.take().expect("an owner has one");
            if self.take_away(&lease).is_err() {
                std::mem::forget(lease); // it stays listed, and is swept once this process is dead
            }
        });
    }
}

impl SharedMemory {
    /// The name by which it was made or opened, without a slash; `None` for memory that has none, and for files. The segment may
    /// have lost it by now: anybody can unlink a name.
    #[doc(alias = "SharedMemory.name")]
    pub fn name(&self) -> Option<&str> {
        self.named_part().map(Named::name)
    }

    /// Whether the end of this handle and its clones ends the segment's name: it was made here, by this process and not by the one
    /// that this is a fork of, and its name was neither [unlinked](Self::unlink) nor [kept](Self::keep_name).
    ///
    /// ```
    /// use multiproc_shm::SharedMemory;
    ///
    /// let ours = SharedMemory::create_any(1)?;
    /// let theirs = SharedMemory::open(ours.name().unwrap())?;
    /// assert_eq!((ours.is_owner(), ours.clone().is_owner(), theirs.is_owner()), (true, true, false));
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    pub fn is_owner(&self) -> bool {
        self.named_part().is_some_and(Named::is_owner)
    }

    /// Takes the name away: nobody can open the segment any more, and it is gone with its last mapping. Whoever has it mapped goes on.
    ///
    /// Any process may do this, and more than one: a name that is gone already, or that has been given to another segment since,
    /// is left alone, and that is success. Nothing is done for memory without a name. While it is done, a segment that somebody
    /// else has just given the name to can miss it for an instant; should a third process create the name in that very instant, it is that one's.
    ///
    /// A process that dies in the middle leaves it to the next [sweep](crate::names::sweep).
    ///
    /// # Errors
    ///
    /// [`Permission`](ShmError::Permission) for another user's name; [`NoSpace`](ShmError::NoSpace), [`TooManyFiles`](ShmError::TooManyFiles) or
    /// [`Kernel`](ShmError::Kernel) where this process cannot list what it is about to do, and where another one that does the same has stood
    /// still in the middle of it for 85 ms.
    ///
    /// ```
    /// use multiproc_shm::{SharedMemory, ShmError};
    ///
    /// let memory = SharedMemory::create_any(100)?;
    /// memory.unlink()?;
    /// memory.unlink()?;
    /// assert!(!memory.is_owner());
    /// assert!(matches!(SharedMemory::open(memory.name().unwrap()), Err(ShmError::Missing { .. })));
    /// # Ok::<(), ShmError>(())
    /// ```
    #[doc(alias = "SharedMemory.unlink")]
    pub fn unlink(&self) -> Result<(), ShmError> {
        self.named_part().map_or(Ok(()), Named::unlink)
    }

    /// Lets the name outlive this process: the end of the handles does not end it, and nobody sweeps it. It stays until somebody
    /// [unlinks](Self::unlink) it. Nothing is done where this process is not the [owner](Self::is_owner).
    ///
    /// # Errors
    ///
    /// [`Kernel`](ShmError::Kernel) if the process cannot take the name off its list; it is the owner still.
    ///
    /// ```
    /// use multiproc_shm::SharedMemory;
    ///
    /// let memory = SharedMemory::create_any(100)?;
    /// let name = memory.name().unwrap().to_owned();
    /// memory.keep_name()?;
    /// drop(memory);
    /// let memory = SharedMemory::open(&name)?;
    /// memory.unlink()?;
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    #[doc(alias = "track")]
    pub fn keep_name(&self) -> Result<(), ShmError> {
        self.named_part().map_or(Ok(()), Named::keep)
    }
}

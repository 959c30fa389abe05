//! The making of a segment with a name, which it gets last, so that whoever opens it finds it whole. `unsafe`: its bytes are lent to the
//! one who fills it.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::AsFd;
use std::slice;
use std::thread;
use std::time::Duration;

use super::Named;
use super::manifest::{self, Record};
use super::name::Name;
use super::program;
use super::take_away::take_away;
use crate::error::ShmError;
use crate::memory::{self, SharedMemory};
use crate::planted::{Bug, planted};
use crate::sys::folder::{self, Facts};
use crate::sys::space;
use crate::{names, room};

/// How many names are drawn before it is given up.
const DRAWS: usize = 64;

/// How often a name that a dead process has left is looked at again while others move its file about.
const LOOKS: usize = 1000;

const PAUSE: Duration = Duration::from_millis(1);

impl SharedMemory {
    /// A new segment of `len` zeroed bytes with a name, mapped, for other programs of this user to [open](Self::open); CPython's
    /// `SharedMemory(name)` does too. Its pages are there from the beginning: to touch them is never a lack of memory in `/dev/shm`.
    ///
    /// The name ends with the last clone of this handle, in this process alone; [`keep_name`](Self::keep_name) lets it stay. If the process
    /// is killed, or exits with a handle that was not dropped, the name is swept by the next process that makes one (see [`names`]).
    ///
    /// A name is 1 to 255 letters of ASCII, without slashes but one in front, byte 0, colons and line breaks; it neither begins with
    /// `multiproc.` nor is `.` or `..`.
    ///
    /// CPython up to 3.12 unlinks the names of all segments that one of its programs has opened, ours too, when that ends; then the
    /// segment has no name, and whoever has it mapped goes on. There, open it with `track=False` (3.13), or `unregister` it from the tracker.
    ///
    /// # Errors
    ///
    /// [`Name`](ShmError::Name) for one that breaks these rules, [`Exists`](ShmError::Exists) for one that is taken, and not by a dead process;
    /// [`Empty`](ShmError::Empty) for no bytes; [`NoSpace`](ShmError::NoSpace) if `/dev/shm` has not so many left, [`OutOfMemory`](ShmError::OutOfMemory) if
    /// the machine, the cgroup or the limit on addresses has not; [`TooManyFiles`](ShmError::TooManyFiles) if `/dev/shm` takes no more;
    /// [`TooManyNames`](ShmError::TooManyNames) beyond [`MAX_NAMES`](names::MAX_NAMES); [`Kernel`](ShmError::Kernel) for the kernel's refusals.
    ///
    /// # Cost
    ///
    /// Some twenty system calls, and the clearing of its pages; once a process, a look at all of `/dev/shm`.
    ///
    /// ```
    /// use multiproc_shm::{SharedMemory, ShmError};
    ///
    /// let name = format!("doc-create-{}", std::process::id());
    /// let ours = SharedMemory::create(&name, 100)?;
    /// let theirs = SharedMemory::open(&name)?; // in another program, say
    /// assert_eq!((theirs.len(), theirs.is_owner()), (100, false));
    /// assert!(matches!(SharedMemory::create(&name, 1), Err(ShmError::Exists { .. })));
    /// drop(ours);
    /// assert!(matches!(SharedMemory::open(&name), Err(ShmError::Missing { .. })));
    /// # Ok::<(), ShmError>(())
    /// ```
    #[doc(alias = "multiprocessing.shared_memory.SharedMemory(create=True)")]
    pub fn create(name: &str, len: usize) -> Result<Self, ShmError> {
        make(&Name::parse_new(name)?, len, |_| ())
    }

    /// As [`create`](Self::create), with bytes that `fill` writes before anybody can open the segment. They are zeros before.
    ///
    /// Nobody else has the bytes meanwhile, but forks that `fill` makes: they are not to write there. One that comes back from `fill` has
    /// no segment of it: there this is [`Forked`](ShmError::Forked).
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    ///
    /// # Panics
    ///
    /// If `fill` does; then nothing is left.
    ///
    /// ```
    /// use multiproc_shm::SharedMemory;
    ///
    /// let name = format!("doc-create-with-{}", std::process::id());
    /// let memory = SharedMemory::create_with(&name, 5, |bytes| bytes.copy_from_slice(b"ready"))?;
    /// let mut seen = [0; 5];
    /// assert_eq!(SharedMemory::open_read_only(&name)?.read_at(0, &mut seen)?, 5);
    /// assert_eq!(&seen, b"ready");
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    pub fn create_with(name: &str, len: usize, fill: impl FnOnce(&mut [u8])) -> Result<Self, ShmError> {
        make(&Name::parse_new(name)?, len, fill)
    }

    /// As [`create`](Self::create), under a name that nobody has: `psm_` and eight digits, as CPython's.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); [`Exists`](ShmError::Exists) if dozens of drawn names are taken.
    ///
    /// ```
    /// let memory = multiproc_shm::SharedMemory::create_any(100)?;
    /// assert!(memory.name().unwrap().starts_with("psm_"));
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    #[doc(alias = "multiprocessing.shared_memory.SharedMemory(name=None)")]
    pub fn create_any(len: usize) -> Result<Self, ShmError> {
        let mut draws = 0;
        loop {
            draws += 1;
            let number = getrandom::u32().map_err(|error| ShmError::kernel("draw a name")(error.into()))?;
            match make(&Name::parse_new(&format!("psm_{number:08x}"))?, len, |_| ()) {
                Err(ShmError::Exists { .. }) if draws < DRAWS => {}
                other => return other,
            }
        }
    }
}

fn make(name: &Name, len: usize, fill: impl FnOnce(&mut [u8])) -> Result<SharedMemory, ShmError> {
    if len == 0 {
        return Err(ShmError::Empty);
    }
    let asked = len as u64;
    space::check_limit(asked).map_err(ShmError::kernel("make a segment"))?;
    room::check(asked)?;
    program::sweep_once();
    let mut lease = program::lease()?;
    let file = folder::create_nameless().map_err(ShmError::of_folder(asked, "make a segment"))?;
    let facts = folder::facts(&file).map_err(ShmError::kernel("look at a segment"))?;
    reserve(&file, &facts, asked)?;
    let map = memory::map(file.as_fd(), len, true)?;
    // SAFETY: mapped, writable, and of this length, with all of its pages. The file has no name yet, so that nobody opens it: this
    // process alone has a descriptor of it, and /proc shows that to those only who could as well write to any memory of this process.
    fill(unsafe { slice::from_raw_parts_mut(map.as_mut_ptr(), len) });
    // Not in a fork of the one who fills it, which has come back from there as well.
    if !lease.is_ours() {
        return Err(ShmError::Forked);
    }
    let record = Record { file: facts.id, name: name.clone() };
    if planted(Bug::NamedEarly) {
        publish(&file, name)?;
        lease.write(record.clone())?;
    } else {
        lease.write(record.clone())?;
        publish(&file, name)?;
    }
    Ok(SharedMemory::of(map, file.into(), true, Some(Named::owned(record, lease))))
}

/// Gives a file, of which these are the facts, all of its pages up to `len`.
pub(super) fn reserve(file: &File, facts: &Facts, len: u64) -> Result<(), ShmError> {
    let left = space::left(file.as_fd()).map_err(ShmError::kernel("look at a file system"))?;
    // Asked first: it would else be filled to its brim before it is refused.
    if left.is_some_and(|left| left < len.saturating_sub(facts.held)) {
        return Err(ShmError::NoSpace { asked: len });
    }
    space::reserve(file, len).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ShmError::NoSpace { asked: len },
        io::ErrorKind::OutOfMemory => room::out_of_memory(len),
        io::ErrorKind::Unsupported => ShmError::NotReservable,
        _ => ShmError::kernel("reserve the pages of a segment")(error),
    })
}

/// Gives the segment its name, if nobody has it but the dead.
fn publish(file: &File, name: &Name) -> Result<(), ShmError> {
    let give = || folder::give_name(file.as_fd(), &name.path());
    let is_taken = |given: &io::Result<()>| {
        given.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
    };
    let mut given = give();
    for look in 0..LOOKS {
        if !is_taken(&given) {
            break;
        }
        if look > 0 {
            thread::sleep(PAUSE);
        }
        // What cannot be swept is in the way still; and another process that sweeps the name is not through with it.
        let alone = names::sweep().is_ok_and(|swept| swept.busy == 0);
        let is_through = alone || planted(Bug::LeftToSweeper);
        let left = if is_through { None } else { names::left_by_the_dead(name) };
        // That process may stand still, so nobody waits for it.
        if let Some(record) = &left {
            end_of_the_dead(record)?;
        }
        given = give();
        if left.is_none() {
            break;
        }
    }
    given.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => ShmError::Exists { name: name.to_string() },
        _ => ShmError::of_folder(manifest::LENGTH, "give a segment its name")(error),
    })
}

/// Takes a name away that a dead process has left, beside whoever sweeps all of them.
fn end_of_the_dead(record: &Record) -> Result<(), ShmError> {
    let mut lease = program::lease()?;
    // If this process dies as well, who sweeps comes to the end of it. Where there is no memory for that, this makes some.
    match lease.write(record.clone()) {
        Ok(()) | Err(ShmError::NoSpace { .. }) => {}
        Err(error) => return Err(error),
    }
    match take_away(&[(lease.aside(), record)]).pop().expect("one for the one record") {
        // Who has moved it aside leaves the name free, or gives it back, as it is not that one's: then it is looked at again.
        Ok(_) => Ok(()),
        Err(error) => {
            mem::forget(lease); // what may be aside by its slot stays listed
            Err(ShmError::of_name(&record.name, "take a dead process's name away", error))
        }
    }
}

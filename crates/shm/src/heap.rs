//! `SharedHeap`: named segments that end together.

use std::sync::{Mutex, MutexGuard, PoisonError};

use multiproc_sync::Generation;

use crate::error::ShmError;
use crate::list::{Item, ListError, SharedList};
use crate::memory::SharedMemory;

/// Makes named segments and lists, and takes the names of all of them away at its own end, whoever has handles of them by then.
///
/// Names are drawn, as by [`SharedMemory::create_any`]; other programs, CPython's too, get them by whatever means and open them as long as the
/// heap lives. What they have mapped at its end they keep.
///
/// - What was [unlinked](SharedMemory::unlink) before is left alone, and so is what was to be [kept](SharedMemory::keep_name).
/// - If the process is killed, or ends without dropping the heap, the names are swept as others are (see [`names`](crate::names)): CPython
///   has a server process for this.
/// - A heap of the process that this is a fork of is inert: its end ends nothing, and it makes nothing.
///
/// It holds each segment mapped, with a descriptor, until its name has ended; of those whose names have ended before, it lets go in passing.
///
/// ```
/// use multiproc_shm::{SharedHeap, SharedMemory, ShmError};
///
/// let heap = SharedHeap::new();
/// let frame = heap.memory(1 << 20)?;
/// let state = heap.list(&["idle".into(), 0.into()])?;
/// let names = heap.names();
/// assert_eq!(names, [frame.name().unwrap(), state.memory().name().unwrap()]);
/// drop(heap);
/// assert!(matches!(SharedMemory::open(&names[0]), Err(ShmError::Missing { .. })));
/// state.set(0, "busy")?; // whoever has it goes on
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.managers.SharedMemoryManager")]
#[derive(Debug)]
pub struct SharedHeap {
    generation: Generation,
    /// Locked by the process that made the heap only: in a fork it may be held for ever.
    held: Mutex<Vec<SharedMemory>>,
}

impl SharedHeap {
    /// A heap without segments.
    #[doc(alias = "SharedMemoryManager.start")]
    pub fn new() -> Self {
        Self { generation: Generation::now(), held: Mutex::default() }
    }

    /// A new segment of `len` zeroed bytes under a drawn name.
    ///
    /// # Errors
    ///
    /// As [`SharedMemory::create_any`]; [`Forked`](ShmError::Forked) in a fork of the process that made the heap.
    ///
    /// ```
    /// let heap = multiproc_shm::SharedHeap::new();
    /// let memory = heap.memory(100)?;
    /// assert_eq!((memory.len(), memory.is_owner()), (100, true));
    /// drop(memory);
    /// assert_eq!(heap.names().len(), 1, "the heap holds it");
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    #[doc(alias = "SharedMemoryManager.SharedMemory")]
    pub fn memory(&self, len: usize) -> Result<SharedMemory, ShmError> {
        self.check()?;
        let memory = SharedMemory::create_any(len)?;
        self.hold(&memory);
        Ok(memory)
    }

    /// A new list of these items in a segment under a drawn name, which its [`memory`](SharedList::memory) tells.
    ///
    /// # Errors
    ///
    /// As [`SharedList::new`]; [`Memory`](ListError::Memory) with what [`memory`](Self::memory) says. Nothing is left then.
    ///
    /// ```
    /// use multiproc_shm::list::Item;
    /// use multiproc_shm::{SharedHeap, SharedList, SharedMemory};
    ///
    /// let heap = SharedHeap::new();
    /// let ours = heap.list(&["two".into(), 2.into()])?;
    /// let theirs = SharedList::open(SharedMemory::open(ours.memory().name().unwrap())?)?; // in another program, say
    /// assert_eq!(theirs.get(1)?, Item::from(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "SharedMemoryManager.ShareableList")]
    pub fn list(&self, items: &[Item]) -> Result<SharedList, ListError> {
        self.check()?;
        let memory = SharedMemory::create_any(SharedList::bytes_needed(items)?)?;
        let list = SharedList::create_in(&memory, items)?;
        self.hold(&memory);
        Ok(list)
    }

    /// The names that end with the heap, in the order in which they were made; none in a fork.
    pub fn names(&self) -> Vec<String> {
        if self.check().is_err() {
            return Vec::new();
        }
        let held = self.held();
        held.iter()
            .filter(|memory| memory.is_owner())
            .filter_map(|memory| Some(memory.name()?.to_owned()))
            .collect()
    }

    /// Takes all of the names away, as the drop does, and tells if that did not succeed. In a fork it does nothing.
    ///
    /// # Errors
    ///
    /// The first of those that [`unlink`](SharedMemory::unlink) gave; the other names have ended all the same. One that is there still is swept
    /// once this process has ended.
    ///
    /// ```
    /// let heap = multiproc_shm::SharedHeap::new();
    /// let memory = heap.memory(100)?;
    /// heap.end()?;
    /// assert!(!memory.is_owner());
    /// # Ok::<(), multiproc_shm::ShmError>(())
    /// ```
    #[doc(alias = "SharedMemoryManager.shutdown")]
    pub fn end(mut self) -> Result<(), ShmError> {
        self.unlink_all()
    }

    fn check(&self) -> Result<(), ShmError> {
        if self.generation.is_ours() { Ok(()) } else { Err(ShmError::Forked) }
    }

    /// No panic leaves the list half done.
    fn held(&self) -> MutexGuard<'_, Vec<SharedMemory>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hold(&self, memory: &SharedMemory) {
        let mut held = self.held();
        // Looked through when it would grow, so that the cost of it is spread over as many makings.
        if held.len() == held.capacity() {
            held.retain(SharedMemory::is_owner);
        }
        held.push(memory.clone());
    }

    /// Without the lock: nobody else has the heap any more.
    fn unlink_all(&mut self) -> Result<(), ShmError> {
        if self.check().is_err() {
            return Ok(());
        }
        let held = std::mem::take(self.held.get_mut().unwrap_or_else(PoisonError::into_inner));
        let mut ended = Ok(());
        for memory in held.iter().filter(|memory| memory.is_owner()) {
            ended = ended.and(memory.unlink()); // all of them, and the first error
        }
        ended
    }
}

impl Default for SharedHeap {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for SharedHeap {
    fn drop(&mut self) {
        let _ = self.unlink_all(); // what cannot be unlinked is swept once this process is dead
    }
}

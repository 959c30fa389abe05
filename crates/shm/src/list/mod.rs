//! Lists that CPython's `multiprocessing.shared_memory.ShareableList` reads and writes.
//!
//! ```
//! use multiproc_shm::SharedList;
//! use multiproc_shm::list::Item;
//!
//! let list = SharedList::new(&["name".into(), 3.into(), Item::None])?;
//! list.set(2, 0.5)?; // any type may take any slot, if it fits
//! assert_eq!(list.to_vec()?, ["name".into(), 3.into(), Item::from(0.5)]);
//! # Ok::<(), multiproc_shm::list::ListError>(())
//! ```

mod bytes;
mod create;
mod error;
mod format;
mod frame;
mod item;
mod iter;
mod read;
mod whole;

use std::ops::Range;
use std::sync::atomic::{Ordering::Acquire, fence};

use self::bytes::Bytes;
pub use self::error::ListError;
use self::format::Value;
use self::frame::Frame;
pub use self::item::Item;
pub use self::iter::Iter;
use crate::error::ShmError;
use crate::memory::SharedMemory;

/// A list of fixed length in shared memory: CPython's `ShareableList`, byte for byte.
///
/// Items are of the six types of [`Item`]; any may be replaced by any that fits into its slot. What a read gives is a copy. A
/// clone of the list is the same list.
///
/// # Trust
///
/// Anybody who has the memory may write any byte of it, CPython without any lock. So each call looks at the memory anew, and what
/// it reads has to make sense: else it is [`Corrupt`](ListError::Corrupt), or [`CorruptItem`](ListError::CorruptItem) where one item is. No
/// bytes make a call panic, loop, reach outside the
/// memory, or take more memory of its own than a small multiple of the list's. Count and data length are those of when the list
/// was opened; when they change, all calls but [`len`](Self::len) are `Corrupt`.
///
/// # Several at a time
///
/// An item consists of a format, a code and a value, which are written one after the other, and nothing holds others off
/// meanwhile. Guaranteed is this:
///
/// - An `Int` or a `Float` is read as somebody wrote it, as long as all who write to this item write that type, and by this
///   type of ours. Other items are not concerned.
/// - Otherwise a read during a write may give a mixture of old and new bytes, old bytes as a value of the new type, or
///   [`CorruptItem`](ListError::CorruptItem). Of two writes at once, such a state may stay, until the next.
/// - CPython fills each place with zeros before it writes there, the format too, also when a number replaces a number: a read
///   meanwhile may give 0, or `CorruptItem` for the lack of a format, which both happen in practice.
///
/// Where this matters hold a lock beside the list, a [`Shared`](crate::Shared) one between programs of ours; CPython's side
/// needs one that both understand, a file's for instance.
///
/// # Death
///
/// A process that dies in [`set`](Self::set) leaves that one item as a concurrent read might find it. Another `set` repairs it.
/// For death in the making of a list see [`create_in`](Self::create_in).
///
/// # Where CPython differs
///
/// - CPython strips all zero bytes from the end of `str` and `bytes` when it reads, and so loses those that belonged to the value
///   ([cpython#106939](https://github.com/python/cpython/issues/106939)). Reading is the same here; writing such a value is
///   refused, as [`TrailingNul`](ListError::TrailingNul).
/// - CPython sizes the slot of a `str` by characters and cuts what its UTF-8 has more. What is cut inside a character is then
///   `CorruptItem` here (there: `UnicodeDecodeError`). Lists made here have room for all of it; both sides read them.
/// - Negative positions, and equality over types (`1 == True`), are Python's.
///
/// # Cost
///
/// A call about one item is some loads and stores and, for text, its copy. [`open`](Self::open) looks at all offsets.
#[doc(alias = "ShareableList")]
#[doc(alias = "multiprocessing.shared_memory.ShareableList")]
#[derive(Clone, Debug)]
pub struct SharedList {
    memory: SharedMemory,
    frame: Frame,
}

impl SharedList {
    /// The list at the beginning of a memory, which this program or another one has made; the memory may be longer.
    ///
    /// New memory, of zeros, is an empty list, here and for CPython: nothing tells it from one. So fill a list before others can open it:
    /// [`create`](Self::create) does.
    ///
    /// Checked are the count, every offset, and that there is room for all of it. Each item is checked whenever it is read: one
    /// that its writer left half written keeps nobody from the others, nor from repairing it.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](ListError::Corrupt) if there is no list, or one that is not finished.
    ///
    /// ```
    /// use multiproc_shm::list::ListError;
    /// use multiproc_shm::{SharedList, SharedMemory};
    ///
    /// let memory = SharedList::new(&["a".into(), "b".into()])?.memory().clone();
    /// assert_eq!(SharedList::open(memory)?.len(), 2);
    /// let no_list = SharedMemory::anonymous(8)?;
    /// assert!(matches!(SharedList::open(no_list), Err(ListError::Corrupt { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(memory: SharedMemory) -> Result<Self, ListError> {
        // An early look, so that the fence has a load before it; `read` looks again.
        Bytes(&memory).word(0)?;
        fence(Acquire); // pairs with those of `create_in`
        let frame = Frame::read(Bytes(&memory))?;
        Ok(Self { memory, frame })
    }

    /// How many items there are, for good.
    ///
    /// ```
    /// assert_eq!(multiproc_shm::SharedList::new(&["a".into()])?.len(), 1);
    /// # Ok::<(), multiproc_shm::list::ListError>(())
    /// ```
    #[doc(alias = "__len__")]
    pub fn len(&self) -> usize {
        self.frame.items()
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(multiproc_shm::SharedList::new(&[])?.is_empty());
    /// # Ok::<(), multiproc_shm::list::ListError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy of an item.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](ListError::OutOfRange); [`Corrupt`](ListError::Corrupt), [`CorruptItem`](ListError::CorruptItem).
    ///
    /// ```
    /// use multiproc_shm::SharedList;
    /// use multiproc_shm::list::{Item, ListError};
    ///
    /// let list = SharedList::new(&[true.into()])?;
    /// assert_eq!(list.get(0)?, Item::Bool(true));
    /// assert!(matches!(list.get(1), Err(ListError::OutOfRange { index: 1, len: 1 })));
    /// # Ok::<(), ListError>(())
    /// ```
    #[doc(alias = "__getitem__")]
    pub fn get(&self, index: usize) -> Result<Item, ListError> {
        let slot = self.slot(index)?;
        self.read(index, &slot)
    }

    /// Replaces an item by any other that fits into its slot.
    ///
    /// # Errors
    ///
    /// [`TooLong`](ListError::TooLong) for more bytes of text than the slot has, [`TrailingNul`](ListError::TrailingNul) for
    /// those that would be lost; [`OutOfRange`](ListError::OutOfRange); [`Corrupt`](ListError::Corrupt), [`CorruptItem`](ListError::CorruptItem);
    /// [`Memory`](ListError::Memory) with [`ReadOnly`](ShmError::ReadOnly). Nothing has been written then.
    ///
    /// ```
    /// use multiproc_shm::SharedList;
    /// use multiproc_shm::list::{Item, ListError};
    ///
    /// let list = SharedList::new(&["eight ch".into()])?; // a slot of 16 bytes
    /// list.set(0, 8)?;
    /// list.set(0, "sixteen letters!")?;
    /// assert!(matches!(list.set(0, "seventeen letters"), Err(ListError::TooLong { index: 0, len: 17, slot: 16 })));
    /// assert_eq!(list.get(0)?, "sixteen letters!".into());
    /// # Ok::<(), ListError>(())
    /// ```
    #[doc(alias = "__setitem__")]
    pub fn set(&self, index: usize, item: impl Into<Item>) -> Result<(), ListError> {
        let slot = self.slot(index)?;
        let item = item.into();
        if let Value::Text(text) = item.value() {
            if text.len() > slot.len() {
                return Err(ListError::TooLong { index, len: text.len(), slot: slot.len() });
            }
            if text.ends_with(&[0]) {
                return Err(ListError::TrailingNul { index });
            }
        }
        self.put(self.bytes_to_write()?, index, slot, &item)
    }

    /// The format of an item, as of Python's module `struct`: `q`, `d`, `xxxxxxx?` for a `bool`, `xxxxxx?x` for `None`, and for
    /// instance `16s` for a `str` or `bytes`.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](ListError::OutOfRange); [`Corrupt`](ListError::Corrupt), [`CorruptItem`](ListError::CorruptItem), also for a format that CPython does not write.
    ///
    /// ```
    /// let list = multiproc_shm::SharedList::new(&["text".into(), 1.into()])?;
    /// assert_eq!(list.format(0)?, "8s");
    /// assert_eq!(list.format(1)?, "q");
    /// # Ok::<(), multiproc_shm::list::ListError>(())
    /// ```
    pub fn format(&self, index: usize) -> Result<String, ListError> {
        let slot = self.slot(index)?;
        Ok(self.format_in(index, &slot)?.to_string())
    }

    /// How many bytes of text the slot of an item takes.
    ///
    /// # Errors
    ///
    /// [`OutOfRange`](ListError::OutOfRange); [`Corrupt`](ListError::Corrupt), [`CorruptItem`](ListError::CorruptItem).
    ///
    /// ```
    /// let list = multiproc_shm::SharedList::new(&["eight ch".into(), 1.into()])?;
    /// assert_eq!((list.slot_len(0)?, list.slot_len(1)?), (16, 8));
    /// # Ok::<(), multiproc_shm::list::ListError>(())
    /// ```
    pub fn slot_len(&self, index: usize) -> Result<usize, ListError> {
        Ok(self.slot(index)?.len())
    }

    /// The memory that the list lies in, to hand it on.
    ///
    /// ```
    /// let list = multiproc_shm::SharedList::new(&[1.into()])?;
    /// assert_eq!(list.memory().len(), multiproc_shm::SharedList::bytes_needed(&[1.into()])?);
    /// # Ok::<(), multiproc_shm::list::ListError>(())
    /// ```
    #[doc(alias = "shm")]
    pub fn memory(&self) -> &SharedMemory {
        &self.memory
    }

    fn bytes_to_write(&self) -> Result<Bytes<'_>, ListError> {
        if self.memory.is_writable() { Ok(Bytes(&self.memory)) } else { Err(ShmError::ReadOnly.into()) }
    }

    /// Where an item lies in the data, if the list is still the one that was opened.
    fn slot(&self, index: usize) -> Result<Range<usize>, ListError> {
        if index >= self.len() {
            return Err(ListError::OutOfRange { index, len: self.len() });
        }
        let bytes = Bytes(&self.memory);
        self.frame.check(bytes)?;
        self.frame.slot(bytes, index)
    }
}

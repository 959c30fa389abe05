//! Makes lists: everything about the items is checked before the first byte is written.

use std::sync::atomic::{Ordering::Release, fence};

use super::bytes::{Bytes, WORD};
use super::format::{Format, Value};
use super::frame::Frame;
use super::{Item, ListError, SharedList};
use crate::error::ShmError;
use crate::memory::SharedMemory;

impl SharedList {
    /// A new list in anonymous memory, which is exactly as long as CPython's would be where texts are ASCII; others get slots by their bytes,
    /// where CPython counts characters.
    ///
    /// An item's slot is as long as its value wants, rounded up to words of 8 bytes, with one byte to spare at least. It stays
    /// that long: later values have to fit.
    ///
    /// # Errors
    ///
    /// [`TrailingNul`](ListError::TrailingNul) and [`NoSlot`](ListError::NoSlot) for items that CPython's list can't hold.
    /// [`Memory`](ListError::Memory) with what [`SharedMemory::anonymous`] says.
    ///
    /// ```
    /// use multiproc_shm::SharedList;
    /// use multiproc_shm::list::{Item, ListError};
    ///
    /// let list = SharedList::new(&[1.into(), "two".into(), 3.0.into(), Item::None])?;
    /// assert_eq!(list.len(), 4);
    /// assert!(matches!(SharedList::new(&["\0".into()]), Err(ListError::TrailingNul { index: 0 })));
    /// # Ok::<(), ListError>(())
    /// ```
    pub fn new(items: &[Item]) -> Result<Self, ListError> {
        let memory = SharedMemory::anonymous(Self::bytes_needed(items)?)?;
        Self::create_in(&memory, items)
    }

    /// Makes a list at the beginning of a memory; what lies behind it stays as it is.
    ///
    /// Whoever opens it meanwhile gets [`Corrupt`](ListError::Corrupt), as does everybody after the death of the process that
    /// made it halfway. A list that lay there before is lost, and who still uses it gets that error, items of the new one or what
    /// is of neither, and may write into the new one: nobody is to use it meanwhile.
    ///
    /// # Errors
    ///
    /// [`TrailingNul`](ListError::TrailingNul) and [`NoSlot`](ListError::NoSlot) for items that CPython's list can't hold.
    /// [`Memory`](ListError::Memory) with [`TooShort`](ShmError::TooShort) for a memory of less than
    /// [`bytes_needed`](Self::bytes_needed), and with [`ReadOnly`](ShmError::ReadOnly) for one that must not be written.
    /// Nothing has been written then.
    ///
    /// ```
    /// use multiproc_shm::list::Item;
    /// use multiproc_shm::{SharedList, SharedMemory};
    ///
    /// let items = [Item::from("key"), Item::from(b"\x01\x02")];
    /// let memory = SharedMemory::anonymous(4096)?;
    /// let ours = SharedList::create_in(&memory, &items)?;
    /// let theirs = SharedList::open(memory)?; // in another process, say
    /// ours.set(0, "word")?;
    /// assert_eq!(theirs.get(0)?, Item::from("word"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create_in(memory: &SharedMemory, items: &[Item]) -> Result<Self, ListError> {
        let frame = Frame::of(items)?;
        let (len, needed) = (memory.len() as u64, frame.len() as u64);
        if needed > len {
            return Err(ShmError::TooShort { len, needed }.into());
        }
        let list = Self { memory: memory.clone(), frame };
        let bytes = list.bytes_to_write()?;
        Frame::begin(bytes)?;
        fence(Release); // pairs with that of `open`: who sees anything of what follows sees no count of before
        Frame::set_start(bytes)?;
        let mut at = 0;
        for (index, item) in items.iter().enumerate() {
            let slot = at..at + item.slot_len(index)?;
            frame.set_end(bytes, index, slot.end)?;
            list.put(bytes, index, slot.clone(), item)?;
            at = slot.end;
        }
        fence(Release); // pairs with that of `open`: who sees the count sees what it counts
        frame.finish(bytes)?;
        Ok(list)
    }

    /// A new list in memory of this name, for programs that know nothing of each other: nobody sees it before its items are there. The name is
    /// this process's to end, as that of [`SharedMemory::create`].
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); [`Memory`](ListError::Memory) with what [`SharedMemory::create`] says.
    ///
    /// ```
    /// use multiproc_shm::{SharedList, SharedMemory};
    ///
    /// let name = format!("doc-list-{}", std::process::id());
    /// let ours = SharedList::create(&name, &["text".into(), 7.into()])?;
    /// let theirs = SharedList::open(SharedMemory::open(&name)?)?; // or `ShareableList(name=…)`
    /// assert_eq!(theirs.to_vec()?, ["text".into(), 7.into()]);
    /// # drop(ours);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "multiprocessing.shared_memory.ShareableList(name=)")]
    pub fn create(name: &str, items: &[Item]) -> Result<Self, ListError> {
        let made = Self::new(items)?;
        let memory = SharedMemory::create_with(name, made.memory.len(), |bytes| made.copy_to(bytes))?;
        Self::open(memory)
    }

    /// Copies the bytes of a list of our own, to which nobody else has come.
    fn copy_to(&self, bytes: &mut [u8]) {
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = Bytes(&self.memory).byte(at).expect("both are of one length");
        }
    }

    /// How long a memory has to be for a list of these items, in bytes.
    ///
    /// # Errors
    ///
    /// [`TrailingNul`](ListError::TrailingNul) and [`NoSlot`](ListError::NoSlot) for items that CPython's list can't hold.
    ///
    /// ```
    /// use multiproc_shm::SharedList;
    ///
    /// assert_eq!(SharedList::bytes_needed(&[])?, 16);
    /// assert_eq!(SharedList::bytes_needed(&[1.into(), "eight by".into()])?, 16 + (8 + 8 + 9) + (8 + 16 + 9));
    /// # Ok::<(), multiproc_shm::list::ListError>(())
    /// ```
    pub fn bytes_needed(items: &[Item]) -> Result<usize, ListError> {
        Ok(Frame::of(items)?.len())
    }

    /// Writes an item that fits into its slot: format and code first, as CPython does.
    pub(super) fn put(
        &self,
        bytes: Bytes<'_>,
        index: usize,
        slot: std::ops::Range<usize>,
        item: &Item,
    ) -> Result<(), ListError> {
        let at = self.frame.data_at() + slot.start;
        bytes.set_word(self.frame.format_at(index), Format::of(item, slot.len()).to_word())?;
        bytes.set_byte(self.frame.code_at(index), item.code())?;
        match item.value() {
            Value::Word(word) => bytes.set_word(at, word),
            Value::Text(text) => (0..slot.len()).step_by(WORD).try_for_each(|from| {
                let mut word = [0; WORD];
                let rest = text.get(from..).unwrap_or_default();
                word.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
                bytes.set_word(at + from, word)
            }),
        }
    }
}

//! What concerns all items of a list.

use super::bytes::Bytes;
use super::frame::CHANGES;
use super::{Item, Iter, ListError, SharedList};

impl SharedList {
    /// Copies of all items, one by one as they are asked for.
    ///
    /// ```
    /// let list = multiproc_shm::SharedList::new(&[1.into(), 2.into()])?;
    /// let backwards: Result<Vec<_>, _> = list.iter().rev().collect();
    /// assert_eq!(backwards?, [2.into(), 1.into()]);
    /// # Ok::<(), multiproc_shm::list::ListError>(())
    /// ```
    #[doc(alias = "__iter__")]
    pub fn iter(&self) -> Iter<'_> {
        Iter::of(self)
    }

    /// Copies of all items. Not a snapshot: they are read one after the other.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](ListError::Corrupt); [`CorruptItem`](ListError::CorruptItem) for the first that is.
    ///
    /// ```
    /// let items = ["a".into(), 1.into()];
    /// assert_eq!(multiproc_shm::SharedList::new(&items)?.to_vec()?, items);
    /// # Ok::<(), multiproc_shm::list::ListError>(())
    /// ```
    pub fn to_vec(&self) -> Result<Vec<Item>, ListError> {
        self.is_unchanged()?;
        let mut items = Vec::with_capacity(self.len());
        let mut end = 0;
        for index in 0..self.len() {
            let slot = self.slot(index)?;
            // Slots that lay over each other would be copied once each: more than the memory has.
            if slot.start != end {
                return Err(CHANGES);
            }
            items.push(self.read(index, &slot)?);
            end = slot.end;
        }
        Ok(items)
    }

    /// How many items equal this one.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](ListError::Corrupt); [`CorruptItem`](ListError::CorruptItem) for the first that is.
    ///
    /// ```
    /// use multiproc_shm::list::Item;
    ///
    /// let list = multiproc_shm::SharedList::new(&[1.into(), true.into(), 1.into()])?;
    /// assert_eq!(list.count(&Item::Int(1))?, 2);
    /// # Ok::<(), multiproc_shm::list::ListError>(())
    /// ```
    pub fn count(&self, item: &Item) -> Result<usize, ListError> {
        self.is_unchanged()?;
        let mut count = 0;
        for found in self {
            count += usize::from(found? == *item);
        }
        Ok(count)
    }

    /// Where the first item stands that equals this one, if any does.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](ListError::Corrupt); [`CorruptItem`](ListError::CorruptItem) for one before it.
    ///
    /// ```
    /// use multiproc_shm::list::Item;
    ///
    /// let list = multiproc_shm::SharedList::new(&["a".into(), "b".into(), "b".into()])?;
    /// assert_eq!(list.index(&Item::from("b"))?, Some(1));
    /// assert_eq!(list.index(&Item::from("c"))?, None);
    /// # Ok::<(), multiproc_shm::list::ListError>(())
    /// ```
    pub fn index(&self, item: &Item) -> Result<Option<usize>, ListError> {
        self.is_unchanged()?;
        for (index, found) in self.iter().enumerate() {
            if found? == *item {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    /// The formats of all items, one after the other, as CPython's `format`.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](ListError::Corrupt); [`CorruptItem`](ListError::CorruptItem) for the first that is.
    ///
    /// ```
    /// let list = multiproc_shm::SharedList::new(&["text".into(), 1.into()])?;
    /// assert_eq!(list.formats()?, "8sq");
    /// # Ok::<(), multiproc_shm::list::ListError>(())
    /// ```
    #[doc(alias = "format")]
    pub fn formats(&self) -> Result<String, ListError> {
        self.is_unchanged()?;
        (0..self.len()).map(|index| self.format(index)).collect()
    }

    /// Also of a list without items, none of which would be looked at.
    fn is_unchanged(&self) -> Result<(), ListError> {
        self.frame.check(Bytes(&self.memory))
    }
}

//! `Frame`: where the parts of a list lie. It is fixed when the list is made.

use std::ops::Range;

use super::bytes::{Bytes, WORD};
use super::format::MOST_SLOT;
use super::{Item, ListError};

/// What an item takes at least: an offset, a slot, a format and a code.
const LEAST_ITEM: usize = 3 * WORD + 1;

const COUNT_AT: usize = 0;
const OFFSETS_AT: usize = WORD;

/// Stands where the count does while a list is made: no list has so many items.
const UNFINISHED: i64 = -1;

/// The parts, one after the other: count, offsets, data, formats, codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    items: usize,
    data_len: usize,
}

impl Frame {
    /// That of a new list.
    pub(super) fn of(items: &[Item]) -> Result<Self, ListError> {
        let mut data_len = 0;
        for (index, item) in items.iter().enumerate() {
            // The items lie in memory, and the list takes less than twice as much: no sum here overflows.
            data_len += item.slot_len(index)?;
        }
        Ok(Self { items: items.len(), data_len })
    }

    /// That of the list which lies there, if there is one. Its items are not looked at.
    pub(super) fn read(bytes: Bytes<'_>) -> Result<Self, ListError> {
        let items = number(bytes, COUNT_AT)?;
        let least = items.checked_mul(LEAST_ITEM).and_then(|all| all.checked_add(2 * WORD));
        if least.is_none_or(|least| least > bytes.len()) {
            return Err(ListError::Corrupt { what: "more items than there is memory for" });
        }
        let data_len = number(bytes, Self::offset_at(items))?;
        let others = 2 * WORD + items * (LEAST_ITEM - WORD); // less than `least`
        if data_len.checked_add(others).is_none_or(|len| len > bytes.len()) {
            return Err(ListError::Corrupt { what: "longer slots than there is memory for" });
        }
        let frame = Self { items, data_len };
        frame.check(bytes)?;
        let mut end = 0;
        for index in 0..items {
            let slot = frame.slot(bytes, index)?;
            if slot.start != end {
                return Err(CHANGES);
            }
            end = slot.end;
        }
        Ok(frame)
    }

    /// Whether it is what the memory says, still.
    pub(super) fn check(self, bytes: Bytes<'_>) -> Result<(), ListError> {
        let said = (number(bytes, COUNT_AT)?, number(bytes, OFFSETS_AT)?);
        if said != (self.items, 0) || number(bytes, Self::offset_at(self.items))? != self.data_len {
            return Err(ListError::Corrupt { what: "its number of items, or its first or last offset" });
        }
        Ok(())
    }

    /// Where the slot of an item lies in the data, in bytes: in whole words, one at least, and inside.
    pub(super) fn slot(self, bytes: Bytes<'_>, index: usize) -> Result<Range<usize>, ListError> {
        let slot = number(bytes, Self::offset_at(index))?..number(bytes, Self::offset_at(index + 1))?;
        let in_words = slot.start.is_multiple_of(WORD) && slot.end.is_multiple_of(WORD);
        if !in_words || slot.is_empty() || slot.end > self.data_len || slot.len() > MOST_SLOT {
            return Err(ListError::Corrupt { what: "the offsets of an item" });
        }
        Ok(slot)
    }

    /// Keeps others from taking for a list what is not yet one.
    pub(super) fn begin(bytes: Bytes<'_>) -> Result<(), ListError> {
        bytes.set_word(COUNT_AT, UNFINISHED.to_ne_bytes())
    }

    /// Says where an item's slot ends, which is where the next begins.
    pub(super) fn set_end(self, bytes: Bytes<'_>, index: usize, end: usize) -> Result<(), ListError> {
        bytes.set_word(Self::offset_at(index + 1), (end as u64).to_ne_bytes())
    }

    /// Says where the first slot begins.
    pub(super) fn set_start(bytes: Bytes<'_>) -> Result<(), ListError> {
        bytes.set_word(OFFSETS_AT, [0; WORD])
    }

    /// Makes what was written a list.
    pub(super) fn finish(self, bytes: Bytes<'_>) -> Result<(), ListError> {
        bytes.set_word(COUNT_AT, (self.items as u64).to_ne_bytes())
    }

    pub(super) fn items(self) -> usize {
        self.items
    }

    pub(super) fn data_at(self) -> usize {
        Self::offset_at(self.items + 1)
    }

    pub(super) fn format_at(self, index: usize) -> usize {
        self.data_at() + self.data_len + WORD * index
    }

    pub(super) fn code_at(self, index: usize) -> usize {
        self.format_at(self.items) + index
    }

    /// Of the whole list, in bytes.
    pub(super) fn len(self) -> usize {
        self.code_at(self.items)
    }

    fn offset_at(index: usize) -> usize {
        OFFSETS_AT + WORD * index
    }
}

/// What somebody who writes offsets meanwhile brings about.
pub(super) const CHANGES: ListError = ListError::Corrupt { what: "its offsets change while they are read" };

fn number(bytes: Bytes<'_>, at: usize) -> Result<usize, ListError> {
    let number = i64::from_ne_bytes(bytes.word(at)?);
    usize::try_from(number).map_err(|_| ListError::Corrupt { what: "a negative count or offset" })
}

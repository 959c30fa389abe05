//! Why a list could not be made, read or written.

use thiserror::Error;

use super::format::MOST_TEXT;
use crate::error::ShmError;

/// Why a [`SharedList`](super::SharedList) could not be made, read or written.
///
/// ```
/// use multiproc_shm::SharedList;
///
/// let list = SharedList::new(&["short".into()])?;
/// let error = list.set(0, "longer than its slot").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "item 0: 20 bytes for a slot of 8, which is of a fixed length: make the list with the longest value"
/// );
/// # Ok::<(), multiproc_shm::list::ListError>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ListError {
    /// There is no such item.
    #[error("item {index} of a list of {len}: count from 0")]
    OutOfRange {
        /// What was asked for.
        index: usize,
        /// How many items there are.
        len: usize,
    },
    /// The text, or the bytes, end in a zero byte, which CPython takes for padding: a reader would get less than was written.
    #[error("item {index} ends in a zero byte, which readers would strip: end it otherwise, or encode it")]
    TrailingNul {
        /// Of the item.
        index: usize,
    },
    /// The value is longer than the slot, whose length was fixed when the list was made.
    #[error(
        "item {index}: {len} bytes for a slot of {slot}, which is of a fixed length: make the list with the longest value"
    )]
    TooLong {
        /// Of the item.
        index: usize,
        /// Of the value, in bytes.
        len: usize,
        /// What the slot takes, in bytes.
        slot: usize,
    },
    /// No slot can be so long: its length has to be said in seven digits.
    #[error(
        "item {index} is {len} bytes long, and {MOST_TEXT} is the limit: share it in a memory of its own"
    )]
    NoSlot {
        /// Of the item.
        index: usize,
        /// Of the item, in bytes.
        len: usize,
    },
    /// The memory holds no list, a damaged one, or one that another is writing at this moment.
    #[error("this is no list, or a damaged one: {what}")]
    Corrupt {
        /// Which rule it breaks.
        what: &'static str,
    },
    /// An item is damaged, or another is writing it at this moment. The others can be read, and this one can be set.
    #[error("item {index} is damaged, or half written: {what}")]
    CorruptItem {
        /// Of the item.
        index: usize,
        /// Which rule it breaks.
        what: &'static str,
    },
    /// There is no memory for the list, or too little, or it must not be written.
    #[error(transparent)]
    Memory(#[from] ShmError),
}

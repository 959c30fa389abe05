//! `Iter`: the items of a list, one by one.

use std::iter::FusedIterator;
use std::ops::Range;

use super::{Item, ListError, SharedList};

/// Copies of the items of a [`SharedList`], from either end. An item that cannot be read is an error, and the next is tried
/// all the same.
///
/// ```
/// use multiproc_shm::SharedList;
///
/// let list = SharedList::new(&[1.into(), "two".into()])?;
/// let mut items = list.iter();
/// assert_eq!(items.len(), 2);
/// assert_eq!(items.next().unwrap()?, 1.into());
/// # Ok::<(), multiproc_shm::list::ListError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Iter<'l> {
    list: &'l SharedList,
    left: Range<usize>,
}

impl<'l> Iter<'l> {
    pub(super) fn of(list: &'l SharedList) -> Self {
        Self { list, left: 0..list.len() }
    }
}

impl Iterator for Iter<'_> {
    type Item = Result<Item, ListError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left.next().map(|index| self.list.get(index))
    }

    fn nth(&mut self, skipped: usize) -> Option<Self::Item> {
        self.left.nth(skipped).map(|index| self.list.get(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.left.next_back().map(|index| self.list.get(index))
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl FusedIterator for Iter<'_> {}

impl<'l> IntoIterator for &'l SharedList {
    type Item = Result<Item, ListError>;
    type IntoIter = Iter<'l>;

    fn into_iter(self) -> Iter<'l> {
        self.iter()
    }
}

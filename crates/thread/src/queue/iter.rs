//! Items of a queue, one after the other.

use super::error::GetError;

/// What items can be got from. Nobody else can name it.
pub trait Get {
    /// What is got.
    type Item;

    #[doc(hidden)]
    fn next(&self) -> Result<Self::Item, GetError>;

    #[doc(hidden)]
    fn try_next(&self) -> Result<Self::Item, GetError>;
}

/// Items as they come, until the queue was shut down and has none left. Several may be in use at once: each item goes to one.
///
/// Made by `iter` of a queue, and by `for item in &queue`.
#[derive(Debug)]
#[must_use = "an iterator gets nothing until it is asked"]
pub struct Iter<'a, Q>(&'a Q);

/// The items that are there. Made by `try_iter` of a queue.
#[derive(Debug)]
#[must_use = "an iterator gets nothing until it is asked"]
pub struct TryIter<'a, Q>(&'a Q);

impl<'a, Q> Iter<'a, Q> {
    pub(super) fn new(queue: &'a Q) -> Self {
        Self(queue)
    }
}

impl<'a, Q> TryIter<'a, Q> {
    pub(super) fn new(queue: &'a Q) -> Self {
        Self(queue)
    }
}

impl<Q> Clone for Iter<'_, Q> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<Q> Clone for TryIter<'_, Q> {
    fn clone(&self) -> Self {
        Self(self.0)
    }
}

impl<Q: Get> Iterator for Iter<'_, Q> {
    type Item = Q::Item;

    #[inline]
    fn next(&mut self) -> Option<Q::Item> {
        self.0.next().ok()
    }
}

impl<Q: Get> Iterator for TryIter<'_, Q> {
    type Item = Q::Item;

    #[inline]
    fn next(&mut self) -> Option<Q::Item> {
        self.0.try_next().ok()
    }
}

//! `PriorityQueue`: the least first.

use std::cmp::Ordering;
use std::fmt;
use std::time::{Duration, Instant};

use super::account::TaskDoneError;
use super::error::{GetError, PutError, UnfinishedError};
use super::iter::{Get, Iter, TryIter};
use super::locked::Locked;
use super::methods::methods;
use super::ranked::Ranked;
use super::shell::{Shell, Shutdown};
use super::store::Store;

/// A queue between threads out of which the least item comes first, and of equal ones the one that was put first. Otherwise as
/// [`Queue`](crate::Queue).
///
/// ```
/// use multiproc_thread::PriorityQueue;
///
/// let queue = PriorityQueue::unbounded();
/// [(2, "tidy"), (1, "cook"), (3, "rest")].map(|task| queue.put(task).unwrap());
/// assert_eq!(queue.get(), Ok((1, "cook")));
/// ```
///
/// What is least, the items' own order says, or a key that a function makes of each once, when it is put: then items need no order, and
/// those with equal keys come out as they went in.
///
/// ```
/// use std::cmp::Reverse;
/// use multiproc_thread::PriorityQueue;
///
/// let longest_first = PriorityQueue::unbounded_by_key(|word: &&str| Reverse(word.len()));
/// ["to", "be", "or", "perchance"].map(|word| longest_first.put(word).unwrap());
/// assert_eq!(longest_first.try_iter().collect::<Vec<_>>(), ["perchance", "to", "be", "or"]);
/// ```
///
/// # What happens to it
///
/// | event | then |
/// |---|---|
/// | the key's function panics | the put has not happened; the item is dropped |
/// | the order panics | the same; the item's drop may use the queue |
/// | the order is none: says one thing now and another then | items come out in some order, each once |
/// | the key's function uses the queue | as anybody's use |
/// | the order uses the queue, also by way of other queues' orders | it panics: items are compared with the queue's lock held |
///
/// # Cost
///
/// To put, a lock, and inside it as many comparisons as a search by halves needs, and a move of up to 16 KiB of items, or of 32 large ones; to get, a
/// lock and no comparison.
#[doc(alias = "queue.PriorityQueue")]
#[doc(alias = "heapq")]
pub struct PriorityQueue<T, O: Order<T> = Natural> {
    order: O,
    shell: Shell<Locked<Ranked<O::Rank>>>,
}

/// How a [`PriorityQueue`] ranks its items: [`Natural`], or [`ByKey`]. Nobody else can name it.
pub trait Order<T> {
    #[doc(hidden)]
    type Rank: Ord;

    #[doc(hidden)]
    fn rank(&self, item: T) -> Self::Rank;

    #[doc(hidden)]
    fn item(rank: Self::Rank) -> T;
}

/// By the items' own order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Natural(());

/// By a key that a function makes of each item.
#[derive(Clone, Copy)]
pub struct ByKey<F>(F);

impl<F> fmt::Debug for ByKey<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByKey").finish_non_exhaustive()
    }
}

impl<T: Ord> Order<T> for Natural {
    type Rank = T;

    #[inline(always)]
    fn rank(&self, item: T) -> T {
        item
    }

    #[inline(always)]
    fn item(rank: T) -> T {
        rank
    }
}

impl<T, K: Ord, F: Fn(&T) -> K> Order<T> for ByKey<F> {
    type Rank = Keyed<K, T>;

    fn rank(&self, item: T) -> Keyed<K, T> {
        Keyed { key: (self.0)(&item), item }
    }

    fn item(rank: Keyed<K, T>) -> T {
        rank.item
    }
}

/// An item with its key, by which it is compared.
#[derive(Debug)]
pub struct Keyed<K, T> {
    key: K,
    item: T,
}

impl<K: Ord, T> Ord for Keyed<K, T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl<K: Ord, T> PartialOrd for Keyed<K, T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord, T> PartialEq for Keyed<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K: Ord, T> Eq for Keyed<K, T> {}

impl<T: Ord> PriorityQueue<T> {
    /// A queue for at most `capacity` items, by their own order.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    pub fn bounded(capacity: usize) -> Self {
        Self::made(Some(capacity), Natural(()))
    }

    /// A queue for as many items as memory has room for, by their own order.
    pub fn unbounded() -> Self {
        Self::made(None, Natural(()))
    }
}

impl<T, K: Ord, F: Fn(&T) -> K> PriorityQueue<T, ByKey<F>> {
    /// A queue for at most `capacity` items, by the key that `key` makes of each, once, before it is put.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    pub fn bounded_by_key(capacity: usize, key: F) -> Self {
        Self::made(Some(capacity), ByKey(key))
    }

    /// A queue for as many items as memory has room for, by the key that `key` makes of each, once, before it is put.
    pub fn unbounded_by_key(key: F) -> Self {
        Self::made(None, ByKey(key))
    }
}

impl<T, O: Order<T>> PriorityQueue<T, O> {
    fn made(capacity: Option<usize>, order: O) -> Self {
        assert!(
            capacity != Some(0),
            "a queue for no item would keep everybody waiting: use `unbounded`, or a bound of 1"
        );
        Self { order, shell: Shell::new(Locked::new(capacity)) }
    }

    #[inline(always)]
    fn wrap(&self, item: T) -> O::Rank {
        self.order.rank(item)
    }

    #[inline(always)]
    fn unwrap(rank: O::Rank) -> T {
        O::item(rank)
    }

    methods!();
}

impl<T, O: Order<T>> Get for PriorityQueue<T, O> {
    type Item = T;

    fn next(&self) -> Result<T, GetError> {
        self.get()
    }

    fn try_next(&self) -> Result<T, GetError> {
        self.try_get()
    }
}

impl<'a, T, O: Order<T>> IntoIterator for &'a PriorityQueue<T, O> {
    type Item = T;
    type IntoIter = Iter<'a, PriorityQueue<T, O>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// An unbounded one, by the items' own order.
impl<T: Ord> Default for PriorityQueue<T> {
    fn default() -> Self {
        Self::unbounded()
    }
}

impl<T, O: Order<T>> fmt::Debug for PriorityQueue<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shell.show(f, "PriorityQueue")
    }
}

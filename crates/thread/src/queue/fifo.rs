//! `Queue`: first in, first out.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use super::account::TaskDoneError;
use super::error::{GetError, PutError, UnfinishedError};
use super::iter::{Get, Iter, TryIter};
use super::locked::Locked;
use super::methods::methods;
use super::ring::Ring;
use super::shell::{Shell, Shutdown};
use super::store::{Nothing, Refusal, Store};

/// A ring larger than this would be made for a bound that is hardly ever reached: such a queue grows with its items instead.
const LARGEST_RING: usize = 16 << 20;

/// A queue between threads: items come out in the order in which they went in.
///
/// Any number of threads put and get, by a reference or an [`Arc`](std::sync::Arc). A bounded one keeps who puts waiting while it is full.
///
/// ```
/// use multiproc_thread::{Queue, Shutdown};
///
/// let queue = Queue::bounded(2);
/// let sum: u32 = std::thread::scope(|scope| {
///     let consumer = scope.spawn(|| queue.iter().sum()); // until the shutdown
///     (1..=100).for_each(|n| queue.put(n).unwrap());
///     queue.shutdown(Shutdown::Drain);
///     consumer.join().unwrap()
/// });
/// assert_eq!(sum, 5050);
/// ```
///
/// # Whether the work is done
///
/// Who gets an item reports it [done](Self::task_done) when it has worked on it; [`join`](Self::join) waits for all of them.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use multiproc_thread::{Queue, Shutdown};
///
/// let (queue, done) = (Queue::unbounded(), AtomicU32::new(0));
/// std::thread::scope(|scope| {
///     for _ in 0..3 {
///         scope.spawn(|| {
///             for item in &queue {
///                 done.fetch_add(item, Relaxed);
///                 queue.task_done().unwrap();
///             }
///         });
///     }
///     (1..=10).for_each(|n| queue.put(n).unwrap());
///     queue.join().unwrap();
///     assert_eq!(done.load(Relaxed), 55);
///     queue.shutdown(Shutdown::Drain); // the three threads end
/// });
/// ```
///
/// # Shutdown
///
/// ```
/// use multiproc_thread::{GetError, PutError, Queue, Shutdown, UnfinishedError};
///
/// let queue = Queue::bounded(8);
/// queue.put("first").unwrap();
/// queue.put("second").unwrap();
/// queue.shutdown(Shutdown::Drain);
/// assert_eq!(queue.put("third"), Err(PutError::ShutDown("third")));
/// assert_eq!(queue.get(), Ok("first"));
/// queue.shutdown(Shutdown::Immediate); // the second is discarded
/// assert_eq!(queue.get(), Err(GetError::ShutDown));
/// assert_eq!(queue.join(), Err(UnfinishedError::ShutDown { unfinished: 2 }));
/// ```
///
/// # Ordering and fairness
///
/// Putting an item happens before getting it; its [`task_done`](Self::task_done) before the [`join`](Self::join) that it ends; the shutdown
/// before each [`ShutDown`](GetError::ShutDown). What a [`put`](Self::put) has accepted before [`Shutdown::Drain`] is got by somebody who goes on
/// getting. Each change wakes one who waits for it; who comes then may be faster, and that one waits on.
///
/// # What happens to it
///
/// | event | then |
/// |---|---|
/// | a thread ends, or panics, with an item it has got | the others go on; the item is not done, which [`join`](Self::join) waits for |
/// | a wait gives up, or a signal's hook ends it or panics | nobody else's wake-up is lost; an item that was to be put comes back, or is dropped with the panic |
/// | an iterator is dropped or leaked | nothing: it has no items |
/// | dropped with items | each is dropped once, also if one panics then |
/// | `fork` | the child has a copy, as of all memory, and none of the threads that use it; what another thread was in the middle of stays so |
///
/// # Cost
///
/// Bounded: two atomic exchanges an item, one for each end, and a fence each; without a lock. The slots are made with the queue, as many as
/// the power of two above the bound; where that is more than 16 MiB, and unbounded, the items are in a buffer behind a lock,
/// which grows with them and keeps its memory. Who waits spins first, see [`Pace`](multiproc_sync::Pace), then sleeps. [`task_done`](Self::task_done) is
/// one atomic exchange and a fence.
#[doc(alias = "queue.Queue")]
#[doc(alias = "JoinableQueue")]
pub struct Queue<T> {
    shell: Shell<Fifo<T>>,
}

impl<T> Queue<T> {
    /// A queue for at most `capacity` items.
    ///
    /// # Panics
    ///
    /// If `capacity` is 0.
    pub fn bounded(capacity: usize) -> Self {
        assert!(
            capacity > 0,
            "a queue for no item would keep everybody waiting: use `unbounded`, or a bound of 1"
        );
        let has_ring = Ring::<T>::bytes(capacity).is_some_and(|bytes| bytes <= LARGEST_RING);
        let store = if has_ring {
            Fifo::Ring(Ring::new(capacity))
        } else {
            Fifo::Buffer(Locked::new(Some(capacity)))
        };
        Self { shell: Shell::new(store) }
    }

    /// A queue for as many items as memory has room for.
    pub fn unbounded() -> Self {
        Self { shell: Shell::new(Fifo::Buffer(Locked::new(None))) }
    }

    #[inline(always)]
    fn wrap(&self, item: T) -> T {
        item
    }

    #[inline(always)]
    fn unwrap(item: T) -> T {
        item
    }

    methods!();
}

impl<T> Get for Queue<T> {
    type Item = T;

    fn next(&self) -> Result<T, GetError> {
        self.get()
    }

    fn try_next(&self) -> Result<T, GetError> {
        self.try_get()
    }
}

impl<'a, T> IntoIterator for &'a Queue<T> {
    type Item = T;
    type IntoIter = Iter<'a, Queue<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// An unbounded one.
impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self::unbounded()
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shell.show(f, "Queue")
    }
}

/// Where a [`Queue`] has its items.
#[allow(clippy::large_enum_variant)] // not one of many in a collection: a detour at each call would cost more
enum Fifo<T> {
    Ring(Ring<T>),
    Buffer(Locked<VecDeque<T>>),
}

macro_rules! either {
    ($self:ident, $store:ident => $call:expr) => {
        match $self {
            Fifo::Ring($store) => $call,
            Fifo::Buffer($store) => $call,
        }
    };
}

impl<T> Store for Fifo<T> {
    type Item = T;
    type Rest = VecDeque<T>;

    #[inline]
    fn push(&self, item: T) -> Result<(), (T, Refusal)> {
        either!(self, store => store.push(item))
    }

    #[inline]
    fn pop(&self) -> Result<T, Nothing> {
        either!(self, store => store.pop())
    }

    fn shut(&self) {
        either!(self, store => store.shut());
    }

    fn clear(&self) -> (VecDeque<T>, u64) {
        match self {
            Self::Ring(ring) => {
                let (rest, count) = ring.clear();
                (rest.into(), count)
            }
            Self::Buffer(buffer) => buffer.clear(),
        }
    }

    #[inline]
    fn puts(&self) -> u64 {
        either!(self, store => store.puts())
    }

    #[inline]
    fn taken(&self) -> u64 {
        either!(self, store => store.taken())
    }

    fn len(&self) -> usize {
        either!(self, store => store.len())
    }

    fn capacity(&self) -> Option<usize> {
        either!(self, store => store.capacity())
    }

    fn is_shut(&self) -> bool {
        either!(self, store => store.is_shut())
    }
}

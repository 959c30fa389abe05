//! A collection behind a lock: where queues keep their items that are unbounded, or in another order than that in which they came.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use crossbeam_utils::CachePadded;
use multiproc_sync::primitive::AtomicU64;
use multiproc_sync::primitive::blocking::{Mutex, MutexGuard};

use super::store::{Nothing, Refusal, Store};

/// What a [`Locked`] keeps its items in.
pub(crate) trait Collection: Default {
    type Item;
    /// Where among the others an item belongs.
    type Place;

    /// Whether items are compared, by an order of the user's.
    const COMPARES: bool = false;

    /// Finds out where an item belongs. All that is called of the user's is called here, while the item is the caller's.
    fn place(&self, item: &Self::Item) -> Self::Place;

    /// Puts an item where it belongs, nothing having changed since that was found out.
    fn insert(&mut self, place: Self::Place, item: Self::Item);

    /// Takes the next one out.
    fn remove(&mut self) -> Option<Self::Item>;

    fn len(&self) -> usize;
}

/// First in, first out.
impl<T> Collection for VecDeque<T> {
    type Item = T;
    type Place = ();

    #[inline(always)]
    fn place(&self, _: &T) {}

    #[inline]
    fn insert(&mut self, (): (), item: T) {
        self.push_back(item);
    }

    #[inline]
    fn remove(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn len(&self) -> usize {
        VecDeque::len(self)
    }
}

/// Last in, first out.
impl<T> Collection for Vec<T> {
    type Item = T;
    type Place = ();

    #[inline(always)]
    fn place(&self, _: &T) {}

    #[inline]
    fn insert(&mut self, (): (), item: T) {
        self.push(item);
    }

    #[inline]
    fn remove(&mut self) -> Option<T> {
        self.pop()
    }

    fn len(&self) -> usize {
        Vec::len(self)
    }
}

/// The lock is the standard library's: no hook of a signal ends the wait for it.
pub(crate) struct Locked<C>(CachePadded<Inner<C>>);

struct Inner<C> {
    state: Mutex<State<C>>,
    /// Written with the lock held, read without as well.
    puts: AtomicU64,
    /// Likewise.
    taken: AtomicU64,
    capacity: Option<usize>,
}

struct State<C> {
    items: C,
    is_shut: bool,
}

impl<C: Collection> Locked<C> {
    /// For so many items, or as many as memory has room for.
    pub(crate) fn new(capacity: Option<usize>) -> Self {
        Self(CachePadded::new(Inner {
            state: Mutex::new(State { items: C::default(), is_shut: false }),
            puts: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            capacity,
        }))
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whoever panics while it is held does so in an order of the user's, and leaves the collection whole.
    #[inline]
    fn lock(&self) -> MutexGuard<'_, State<C>> {
        if C::COMPARES {
            assert!(
                !Comparing::is_in(self.address()),
                "the order of a queue's items uses the queue that it orders"
            );
        }
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many orders may be at work at once in a thread, each called by a put of the one before.
const DEEPEST: usize = 8;

thread_local! {
    /// Where the thread compares items of the user's with the lock held; 0 after the last.
    static COMPARING: [Cell<usize>; DEEPEST] = const { [const { Cell::new(0) }; DEEPEST] };
}

/// The thread compares items in a place until it is dropped, also by a panic.
struct Comparing {
    depth: usize,
}

impl Comparing {
    fn begin(place: usize) -> Self {
        COMPARING.with(|places| {
            let depth = places.iter().take_while(|other| other.get() != 0).count();
            assert!(
                depth < DEEPEST,
                "the orders of {DEEPEST} queues' items put into one queue after the other"
            );
            places[depth].set(place);
            Self { depth }
        })
    }

    fn is_in(place: usize) -> bool {
        COMPARING.with(|places| {
            places.iter().map(Cell::get).take_while(|other| *other != 0).any(|other| other == place)
        })
    }
}

impl Drop for Comparing {
    fn drop(&mut self) {
        COMPARING.with(|places| places[self.depth].set(0));
    }
}

/// Adds to a count that only the caller writes now.
#[inline]
fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Relaxed) + more, Relaxed);
}

impl<C: Collection> Store for Locked<C> {
    type Item = C::Item;
    type Rest = C;

    #[inline]
    fn push(&self, item: C::Item) -> Result<(), (C::Item, Refusal)> {
        let mut state = self.lock();
        if state.is_shut {
            return Err((item, Refusal::Shut));
        }
        if self.0.capacity.is_some_and(|capacity| state.items.len() >= capacity) {
            return Err((item, Refusal::Full));
        }
        // If an order panics here, the unwinding drops the item after it has given the lock back.
        let comparing = C::COMPARES.then(|| Comparing::begin(self.address()));
        let place = state.items.place(&item);
        drop(comparing);
        state.items.insert(place, item);
        add(&self.0.puts, 1);
        Ok(())
    }

    #[inline]
    fn pop(&self) -> Result<C::Item, Nothing> {
        let mut state = self.lock();
        let Some(item) = state.items.remove() else {
            return Err(if state.is_shut { Nothing::Ended } else { Nothing::Empty });
        };
        add(&self.0.taken, 1);
        Ok(item)
    }

    fn shut(&self) {
        self.lock().is_shut = true;
    }

    fn clear(&self) -> (C, u64) {
        let mut state = self.lock();
        let items = std::mem::take(&mut state.items);
        let count = items.len() as u64;
        add(&self.0.taken, count);
        (items, count)
    }

    #[inline]
    fn puts(&self) -> u64 {
        self.0.puts.load(Relaxed)
    }

    #[inline]
    fn taken(&self) -> u64 {
        self.0.taken.load(Relaxed)
    }

    fn len(&self) -> usize {
        self.lock().items.len()
    }

    fn capacity(&self) -> Option<usize> {
        self.0.capacity
    }

    fn is_shut(&self) -> bool {
        self.lock().is_shut
    }
}
